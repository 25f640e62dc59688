"""Requests go to the public internet alone, whatever a stranger writes as their address."""

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from ipaddress import IPv6Address

import pytest
import trustme
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from shared.http.public_addresses import AddressPolicy
from shared.http.public_client import BadUrl, Destinations, NoAnswer, PublicClient

PUBLIC = AddressPolicy()
LOOPBACK = AddressPolicy.of((), loopback=True)
NOT_PUBLIC = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1"),
    *("127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255"),
    *("192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1"),
    *("198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250"),
    *("240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "2001::1", "2001:10::1"),
    *("2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1", "fc00::1"),
    *("fd00:ec2::254", "fdff::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1"),
)
IS_PUBLIC = ("1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111")


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_address_that_is_not_public_is_allowed(address):
    assert not PUBLIC.allows(address)


@pytest.mark.parametrize("address", IS_PUBLIC)
def test_public_addresses_are_allowed(address):
    assert PUBLIC.allows(address)


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_in_the_clothes_of_ipv6_is_allowed(address):
    """Mapped, compatible, translated, 6to4, NAT64: each could lead to an address of ours."""
    number = int(address)
    clothed = [
        IPv6Address(prefix | number)
        for prefix in (
            *(0xFFFF << 32, 0, 0xFFFF << 48),
            *(0x64FF9B << 96, 0x64FF9B0001 << 80),
        )
    ]
    clothed.append(IPv6Address((0x2002 << 112) | number << 80 | 1))

    assert not any(PUBLIC.allows(str(each)) for each in clothed)


@given(st.ip_addresses())
def test_what_python_knows_to_be_special_is_never_allowed(address):
    special = (
        *(address.is_private, address.is_loopback, address.is_link_local, address.is_multicast),
        *(address.is_reserved, address.is_unspecified),
    )
    if PUBLIC.allows(str(address)):
        assert not any(special)


def test_a_network_that_is_allowed_opens_itself_and_no_metadata():
    policy = AddressPolicy.of(["10.8.0.0/16", "169.254.0.0/16", "fd00::/8"])

    assert policy.allows("10.8.3.4")
    assert policy.allows("fd12::1")
    assert not policy.allows("10.9.0.1")
    assert not policy.allows("169.254.169.254")
    assert not policy.allows("fd00:ec2::254")


@pytest.mark.parametrize("written", ["10.8.0.1/16", "example.com", "10.8.0.0/33"])
def test_a_network_that_is_none_stops_the_service(written):
    with pytest.raises(ValueError):  # noqa: PT011 - its message is Python's
        AddressPolicy.of([written])


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/events",
        "https://hooks.example:443/a?b=c%20d",
        "https://a-b.c_d.example./",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/",
        "HTTPS://Hooks.Example/",
    ],
)
def test_an_address_of_the_internet_is_taken(url):
    assert Destinations().require_url(url) == url


HOSTILE = [
    *("", "/", "hooks.example", "//hooks.example/", "https://", "https:///path", "https://:443/"),
    *("http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", "gopher://x.example"),
    *("javascript:alert(1)", "unix:/run/docker.sock", "https:hooks.example"),
    *("https://user@hooks.example/", "https://user:pass@hooks.example/", "https://@hooks.example/"),
    *("https://hooks.example@127.0.0.1/", "https://127.0.0.1\\@hooks.example/"),
    *("https://hooks.example:22/", "https://hooks.example:6379/", "https://hooks.example:0/"),
    *("https://hooks.example:99999/", "https://hooks.example:8443/", "https://hooks.example:x/"),
    *("https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/"),
    *("https://0177.0.0.1/", "https://127.0.0.1./", "https://0/", "https://1.2.3/"),
    *("https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/"),
    *("https://[::ffff:7f00:1]/", "https://[v1.x]/", "https://[/", "https://[::1/"),
    *("https://169.254.169.254/latest/meta-data/", "https://10.0.0.1/", "https://0.0.0.0/"),
    *("https://hooks.example/#x", "https://hooks.example/#", "https://hooks .example/"),
    *("https://hooks.example/\r\nHost: x", "https://hooks.example/\x00", "https://hooks.example/ä"),
    *("https://ⓔxample.com/", "https://127。0。0。1/", "https://ex%61mple.com/", "https://-/"),
    *("https://a..b/", "https://.example/", "https://exa$mple.com/", "https://1.2.3.4.5/"),
    f"https://{'a' * 64}.example/",
    f"https://hooks.example/{'a' * 2_000}",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_address_is_refused(url):
    with pytest.raises(BadUrl):
        Destinations().require_url(url)


@given(st.text(max_size=200))
def test_whatever_is_written_is_an_address_or_is_refused(text):
    for url in (text, f"https://{text}", f"https://hooks.example{text}"):
        try:
            Destinations().require_url(url)
        except BadUrl:
            continue
        assert url.isascii()
        assert "@" not in url.split("/")[2]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/", "http://localhost:9/", "http://[::1]:1/", "https://localhost:44/"],
)
def test_this_machine_is_for_practice_alone(url):
    assert Destinations(LOOPBACK, loopback=True).require_url(url) == url
    with pytest.raises(BadUrl):
        Destinations().require_url(url)


@pytest.mark.parametrize("url", ["http://hooks.example/", "http://10.0.0.1/", "http://127.1/"])
def test_also_in_practice_other_hosts_are_asked_over_https(url):
    with pytest.raises(BadUrl):
        Destinations(LOOPBACK, loopback=True).require_url(url)


@pytest.fixture
async def server():
    """A server on this machine; yields its port, the paths it was asked for, and a switch."""

    class Server:
        def __init__(self):
            self.asked, self.answer = [], lambda _: web.Response(text="taken")

        async def handle(self, request):
            self.asked.append((request.headers["Host"], request.path))
            answer = self.answer(request)
            return await answer if asyncio.iscoroutine(answer) else answer

        @asynccontextmanager
        async def served(self, certificate=None):
            runner = web.ServerRunner(web.Server(self.handle), shutdown_timeout=0)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate).start()
            self.port = runner.addresses[0][1]
            yield self
            await runner.cleanup()

    return Server()


def a_client(policy=PUBLIC, **about):
    known = {"answer_seconds_max": 2.0, "connections_max": 4, "user_agent": "test"}
    ports = about.pop("ports", (443,))
    loopback = about.pop("loopback", False)
    destinations = Destinations(policy, ports=ports, loopback=loopback)
    return PublicClient(destinations, **{**known, **about})


async def refusal_of(client, url):
    try:
        with pytest.raises(NoAnswer) as refused:
            await client.post(url, body=b"{}", headers={})
    finally:
        await client.close()
    return refused.value.reason


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["10.0.0.1", "93.184.216.34"],
        ["::ffff:127.0.0.1"],
        ["fd00:ec2::254"],
        ["not an address"],
    ],
)
async def test_a_name_is_refused_if_one_of_its_addresses_is_not_public(found):
    async def resolve(host, port):
        return found

    client = a_client(resolve=resolve)
    assert await refusal_of(client, "https://hooks.example/") == "address-refused"


async def test_a_name_that_says_something_else_the_second_time_leads_nowhere(server):
    """DNS rebinding: what was checked is what is connected to, and there is no second look."""
    looks = []

    async def resolve(host, port):
        looks.append(host)
        return ["93.184.216.34"] if len(looks) > 1 else ["127.0.0.1"]

    async with server.served():
        client = a_client(LOOPBACK, resolve=resolve, ports=(server.port,), answer_seconds_max=0.5)
        with pytest.raises(NoAnswer):
            await client.post(f"https://hooks.example:{server.port}/", body=b"", headers={})
        assert looks == ["hooks.example"]
        await client.close()

    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    async def turn(host, port):
        return next(answers)

    async with server.served():
        client = a_client(resolve=turn, ports=(server.port,), answer_seconds_max=0.3)
        url = f"https://hooks.example:{server.port}/"
        for expected in ({"timeout", "connection-refused"}, {"address-refused"}):
            with pytest.raises(NoAnswer) as refused:
                await client.post(url, body=b"", headers={})
            assert refused.value.reason in expected
        await client.close()
    assert server.asked == []


async def test_the_system_is_asked_for_a_name_and_what_it_says_of_this_machine_is_refused(
    monkeypatch,
):
    def getaddrinfo(host, port, *_, **__):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    assert await refusal_of(a_client(), "https://hooks.example/") == "address-refused"


async def test_the_socket_is_checked_where_a_name_was_not_resolved(server):
    """Addresses in a URL never come to a resolver."""

    class Open(Destinations):
        def require_url(self, url):
            return url

    async with server.served():
        known = {"answer_seconds_max": 2.0, "connections_max": 4, "user_agent": "test"}
        client = PublicClient(Open(), **known)
        url = f"http://127.0.0.1:{server.port}/"
        assert await refusal_of(client, url) == "address-refused"
    assert server.asked == []


async def test_a_redirect_is_an_answer_and_is_not_followed(server):
    server.answer = lambda _: web.Response(status=302, headers={"Location": "/elsewhere"})
    async with server.served():
        client = a_client(LOOPBACK, loopback=True)
        url = f"http://127.0.0.1:{server.port}/hook"
        answer = await client.post(url, body=b"{}", headers={})
        await client.close()

    assert answer.status == 302
    assert [path for _, path in server.asked] == ["/hook"]


async def test_no_proxy_of_the_environment_is_used(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with server.served():
        client = a_client(LOOPBACK, loopback=True)
        url = f"http://127.0.0.1:{server.port}/hook"
        assert (await client.post(url, body=b"{}", headers={})).beginning == b"taken"
        await client.close()


async def test_a_long_answer_is_read_at_its_beginning_alone(server):
    sent = []

    async def flood(request):
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 65_536)
                sent.append(65_536)
        except (ConnectionError, asyncio.CancelledError):
            return response

    server.answer = flood
    async with server.served():
        client = a_client(LOOPBACK, loopback=True)
        answer = await client.post(f"http://127.0.0.1:{server.port}/", body=b"", headers={})
        await client.close()

    assert (answer.status, len(answer.beginning)) == (200, 4_096)


async def test_an_answer_that_drips_is_an_answer_by_its_status(server):
    async def drip(request):
        response = web.StreamResponse(status=202)
        await response.prepare(request)
        try:
            while True:
                await response.write(b".")
                await asyncio.sleep(0.05)
        except (ConnectionError, asyncio.CancelledError):
            return response

    server.answer = drip
    async with server.served():
        client = a_client(LOOPBACK, loopback=True, answer_seconds_max=1.0)
        answer = await client.post(f"http://127.0.0.1:{server.port}/", body=b"", headers={})
        await client.close()

    assert answer.status == 202


@pytest.mark.parametrize(
    ("certified", "trusted", "expected"),
    [
        ("hooks.example", True, None),
        ("other.example", True, "certificate"),
        ("hooks.example", False, "certificate"),
    ],
)
async def test_the_certificate_is_checked_against_the_name(server, certified, trusted, expected):
    authority = trustme.CA()
    certificate = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(certified).configure_cert(certificate)
    context = ssl.create_default_context()
    if trusted:
        authority.configure_trust(context)

    async def resolve(host, port):
        return ["127.0.0.1"]

    async with server.served(certificate):
        url = f"https://hooks.example:{server.port}/"
        client = a_client(LOOPBACK, resolve=resolve, ports=(server.port,), certificates=context)
        if expected is not None:
            assert await refusal_of(client, url) == expected
            return
        answer = await client.post(url, body=b"", headers={})
        await client.close()

    assert answer.status == 200
    assert server.asked == [(f"hooks.example:{server.port}", "/")]
