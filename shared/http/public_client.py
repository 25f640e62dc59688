"""
An HTTP client for addresses that somebody outside of the installation chose.

The name is resolved once, by us; all its addresses have to be allowed (`AddressPolicy`), and the
connection goes to one of them. There is no second look at the name that could say something else
(DNS rebinding), and the socket itself is checked again: an address in the URL is never resolved.
Certificates are checked against the name. No redirect is followed, no proxy used, no cookie kept.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.http.public_addresses import LOOPBACK, AddressPolicy

ANSWER_BYTES_MAX = 4_096
BODY_SECONDS_MAX = 2.0
URL_CHARACTERS_MAX = 2_000
PORT = 443
PUBLIC = AddressPolicy()
HTTPS, HTTP = "https", "http"
# Printable ASCII without a space, a quote or a backslash, which programs read in different ways.
_URL = re.compile(r"[!#-\[\]-~]+")
# A name of DNS with at least one letter at its end, or an address of IPv4 or IPv6.
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"({_LABEL}\.)*[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?\.?", re.IGNORECASE)
_IPV4 = re.compile(r"((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.|$)){4}(?<!\.)")

# A host and a port in, their addresses out.
Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]


class BadUrl(ValueError):
    """An address that no request is sent to; the message says why."""


class NoAnswer(Exception):
    """There was no answer, and whether the request arrived is unknown; `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AddressRefused(OSError):
    """The name leads to an address that is not allowed."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """
    Where requests may go: `https` to these ports, at addresses of the policy.

    With `loopback` also `http` to any port of this machine: for practice alone.
    """

    addresses: AddressPolicy = PUBLIC
    ports: Collection[int] = (PORT,)
    loopback: bool = False

    def require_url(self, url: str) -> str:
        """Return a URL that a request may be sent to, as far as it is written; raise `BadUrl`."""
        if len(url) > URL_CHARACTERS_MAX or not _URL.fullmatch(url):
            raise BadUrl("a URL has up to 2,000 printable characters of ASCII, and no space")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise BadUrl("this is no URL") from None
        if "@" in parts.netloc:
            raise BadUrl("a URL names no user and no password")
        if parts.fragment or url.endswith("#"):
            raise BadUrl("a URL has no fragment")
        if not _is_host(host) or ("[" in parts.netloc and not _is_address(host)):
            raise BadUrl("the host is no name and no address")
        if parts.scheme == HTTP and self.loopback and _is_loopback(host):
            return url
        if parts.scheme != HTTPS:
            raise BadUrl("the scheme is https")
        if (PORT if port is None else port) not in self.ports and not (
            self.loopback and _is_loopback(host)
        ):
            raise BadUrl(f"the port is one of {', '.join(map(str, sorted(self.ports)))}")
        if _is_address(host) and not self.addresses.allows(host):
            raise BadUrl("the host is not an address of the public internet")
        return url


@dataclass(frozen=True, slots=True)
class PublicAnswer:
    """What was answered: the status, headers, and the first bytes of the body."""

    status: int
    headers: Mapping[str, str]
    beginning: bytes


class PublicClient:
    """
    Posts to public addresses.

    A status has to come within `answer_seconds_max`. Of the body the first `ANSWER_BYTES_MAX` are
    read, for as long as `BODY_SECONDS_MAX`: a status that came is an answer in any case. `resolve`
    and `certificates` are the system's own, unless a test gives others.
    """

    def __init__(
        self,
        destinations: Destinations,
        *,
        answer_seconds_max: float,
        connections_max: int,
        user_agent: str,
        resolve: Resolve | None = None,
        certificates: ssl.SSLContext | None = None,
    ) -> None:
        self._destinations = destinations
        self._answer_seconds_max = answer_seconds_max
        self._connections_max = connections_max
        self._headers = {"User-Agent": user_agent, "Accept-Encoding": "identity"}
        self._resolve = resolve or _resolve
        self._certificates = certificates
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> PublicAnswer:
        """Post a body; raise `NoAnswer` if no answer came, or the address is not allowed."""
        if self._session is None:
            self._session = self._open_session()
        try:
            self._destinations.require_url(url)
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                beginning = await _beginning(response)
                return PublicAnswer(response.status, response.headers, beginning)
        except Exception as error:
            raise NoAnswer(_reason(error)) from error

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        policy = self._destinations.addresses
        return aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._answer_seconds_max),
            connector=aiohttp.TCPConnector(
                limit=self._connections_max,
                resolver=_CheckedResolver(self._resolve, policy),
                use_dns_cache=False,
                socket_factory=_checked_sockets(policy),
                ssl=self._certificates or True,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )


class _CheckedResolver(AbstractResolver):
    """Resolves a name to its addresses, if each of them is allowed."""

    def __init__(self, resolve: Resolve, policy: AddressPolicy) -> None:
        self._resolve = resolve
        self._policy = policy

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - both are taken
    ) -> list[ResolveResult]:
        found = await self._resolve(host, port)
        if not found:
            raise OSError("the name has no address")
        if not all(map(self._policy.allows, found)):
            raise AddressRefused
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Keep nothing."""


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes of a body, as far as they come; what follows is not waited for."""
    read = b""
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while len(read) < ANSWER_BYTES_MAX:
                part = await response.content.read(ANSWER_BYTES_MAX - len(read))
                if not part:
                    return read
                read += part
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass
    response.close()
    return read


def _checked_sockets(policy: AddressPolicy) -> Callable[[Any], socket.socket]:
    """Return what makes sockets: the last check, on the address that is connected to."""

    def make(about: Any) -> socket.socket:
        family, kind, protocol, _, address = about
        if not policy.allows(address[0]):
            raise AddressRefused
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setblocking(False)
        return made

    return make


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _is_host(host: str) -> bool:
    return bool(_HOST.fullmatch(host)) or _is_address(host)


def _is_address(host: str) -> bool:
    return bool(_IPV4.fullmatch(host)) or ":" in host


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and AddressPolicy(LOOPBACK).names(host))


def _reason(error: BaseException) -> str:
    """Name why there was no answer, in a word that holds nothing of the other side."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, AddressRefused):
            return "address-refused"
        seen = seen.__cause__ or seen.__context__
    for kinds, reason in _REASONS:
        if isinstance(error, kinds):
            return reason
    return "unreadable"


# The first that fits: some are a kind of another.
_REASONS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((BadUrl,), "url-refused"),
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError), "certificate"),
    ((aiohttp.ClientConnectorDNSError,), "name-unknown"),
    ((aiohttp.ClientConnectorError,), "connection-refused"),
    ((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError), "connection-lost"),
)
