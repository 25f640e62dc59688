"""The host application says how people are shown; nothing breaks if it does not."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
from structlog.testing import capture_logs

from services.live.main import build_host, build_http
from services.live.providers import people_host
from services.live.providers.people_host import (
    CONNECTIONS_MAX,
    KNOWN_SECONDS,
    PAUSE_SECONDS,
    UNKNOWN_SECONDS,
    PeopleHost,
)
from services.live.settings import Settings
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of, served
from tests.metrics import metric
from tests.shared.test_settings import A_SERVICE

FACE = "https://cdn.example/f.webp"


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


class Host:
    """A host application: what it knows, what it was asked, and how it answers."""

    def __init__(self):
        self.people = {}
        self.asked = []
        self.keys = []
        self.answer = None

    async def handle_async_request(self, request):
        ids = json.loads(request.content)["ids"]
        self.asked.append(ids)
        self.keys.append(request.headers["authorization"])
        if self.answer is not None:
            return await self.answer()
        people = [{"id": each, **self.people[each]} for each in ids if each in self.people]
        return httpx.Response(200, json={"people": people})


@pytest.fixture
def host():
    return Host()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def asked(host, clock):
    """The host as live asks it, over real HTTP."""
    async with served(host) as url:
        client = PeopleHost(f"{url}/people", "the-key", clock=clock)
        yield client


@pytest.fixture
def seen(database, hub, asked):
    """How a viewer sees people."""

    @asynccontextmanager
    async def viewer(user="mira", **claims):
        app = build_http(database, a_verifier(), hub, host=asked)
        async with client_of(app, a_token(user, **claims)) as client:
            yield client

    return viewer


async def names_of(client, *users):
    answer = await client.get("/v1/people", params=[("id", user) for user in users])
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["items"]]


def an_answer(status=200, **response):
    async def answer():
        return httpx.Response(status, **response)

    return answer


async def test_all_people_of_a_page_are_one_request_with_the_key(seen, host):
    host.people = {"a": {"name": "Ada", "picture": FACE}, "b": {"name": "Ben"}}
    async with seen() as client:
        answer = await client.get("/v1/people?id=a&id=b&id=c")
    assert answer.json()["items"] == [
        {"user": "a", "name": "Ada", "picture": FACE},
        {"user": "b", "name": "Ben", "picture": None},
        {"user": "c", "name": None, "picture": None},
    ]
    assert host.asked == [["a", "b", "c"]]
    assert host.keys == ["Bearer the-key"]


async def test_the_hosts_word_wins_over_the_token_and_the_token_over_nothing(seen, host):
    host.people = {"a": {"name": "Host's Ada"}}
    for user in ("a", "b"):
        async with seen(user, name=f"Token's {user}") as client:
            await client.put("/v1/people/me")
    async with seen() as client:
        assert await names_of(client, "a", "b") == ["Host's Ada", "Token's b"]


async def test_what_was_answered_is_asked_again_only_after_a_while(asked, host, clock):
    host.people = {"a": {"name": "Ada"}}
    for _ in range(3):
        assert [one.name for one in (await asked.find(["a", "b"])).values()] == ["Ada"]
    assert host.asked == [["a", "b"]]

    clock.now += UNKNOWN_SECONDS + 1
    await asked.find(["a", "b"])
    assert host.asked[1:] == [["b"]]

    clock.now += KNOWN_SECONDS
    await asked.find(["a"])
    assert host.asked[2:] == [["a"]]


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(500),
        an_answer(404),
        an_answer(302, headers={"location": "http://169.254.169.254/"}),
        an_answer(content=b"<html>"),
        an_answer(json=["a"]),
        an_answer(json={"people": [{"id": "a", "name": 7}]}),
        an_answer(content=b'{"people": [' + b" " * 2_000_000 + b"]}"),
    ],
)
async def test_an_answer_that_cannot_be_read_leaves_what_tokens_say(seen, host, answer):
    host.answer = answer
    failed = metric("ovation_people_requests_total", outcome="failed")
    async with seen("a", name="Token's Ada") as client:
        await client.put("/v1/people/me")
        assert await names_of(client, "a", "b") == ["Token's Ada", None]
    assert metric("ovation_people_requests_total", outcome="failed") == failed + 1


async def test_a_host_that_never_answers_is_waited_for_once(asked, host, clock):
    ever = asyncio.Event()

    async def never():
        await ever.wait()
        return httpx.Response(200)

    host.answer = never
    began = asyncio.get_running_loop().time()
    for _ in range(20):
        assert await asked.find(["a"]) == {}
    # One timeout of a second, on however busy a machine, and not twenty.
    assert asyncio.get_running_loop().time() - began < 15
    assert len(host.asked) == 1
    ever.set()

    host.answer = None
    host.people = {"a": {"name": "Ada"}}
    clock.now += PAUSE_SECONDS + 1
    assert (await asked.find(["a"]))["a"].name == "Ada"


async def test_a_dead_host_is_asked_less_and_less_often(asked, host, clock):
    host.answer = an_answer(503)
    for _ in range(600):
        await asked.find(["a"])
        clock.now += 1
    assert 10 <= len(host.asked) <= 20


async def test_requests_that_fail_together_are_one_failure(asked, host, clock):
    host.answer = an_answer(503)
    await asyncio.gather(*(asked.find([f"u{number}"]) for number in range(8)))
    clock.now += PAUSE_SECONDS + 1
    before = len(host.asked)
    await asked.find(["a"])
    assert len(host.asked) == before + 1


async def test_many_who_ask_at_once_are_no_failure_of_the_host(asked, host, monkeypatch):
    """Else whoever asks about a thousand made-up people takes the names from all others."""
    monkeypatch.setattr(people_host, "WAIT_SECONDS_MAX", 0.05)
    failed = metric("ovation_people_requests_total", outcome="failed")
    ever = asyncio.Event()

    async def late():
        await ever.wait()
        return httpx.Response(200, json={"people": []})

    host.answer = late
    first = [asyncio.create_task(asked.find([f"x{n}"])) for n in range(CONNECTIONS_MAX)]
    async with asyncio.timeout(30):
        while len(host.asked) < CONNECTIONS_MAX:
            await asyncio.sleep(0)
    await asyncio.gather(*(asked.find([f"y{n}"]) for n in range(20)))
    ever.set()
    await asyncio.gather(*first)

    host.answer = None
    host.people = {"a": {"name": "Ada"}}
    assert (await asked.find(["a"]))["a"].name == "Ada"
    assert metric("ovation_people_requests_total", outcome="failed") == failed


async def test_those_who_wait_for_the_same_people_ask_once(asked, host):
    host.people = {"a": {"name": "Ada"}}
    found = await asyncio.gather(*(asked.find(["a"]) for _ in range(40)))
    assert {each["a"].name for each in found} == {"Ada"}
    assert len(host.asked) <= CONNECTIONS_MAX


async def test_made_up_people_push_nobody_out_who_is_known(asked, host, monkeypatch):
    monkeypatch.setattr(people_host, "CACHED_MAX", 5)
    host.people = {"a": {"name": "Ada"}}
    await asked.find(["a"])
    await asked.find([f"x{n}" for n in range(50)])
    assert (await asked.find(["a"]))["a"].name == "Ada"
    assert len(host.asked) == 2


async def test_what_the_host_said_before_is_shown_while_it_is_down(asked, host, clock):
    host.people = {"a": {"name": "Ada"}}
    await asked.find(["a"])
    clock.now += KNOWN_SECONDS + 1
    host.answer = an_answer(503)
    assert (await asked.find(["a"]))["a"].name == "Ada"


async def test_a_host_that_is_not_there_breaks_nothing(clock):
    gone = PeopleHost("http://127.0.0.1:9/people", "the-key", clock=clock)
    assert await gone.find(["a"]) == {}


async def test_what_a_host_says_is_made_harmless_too(asked, host):
    host.people = {
        "a": {"name": "\u202eA\x00da" + "x" * 500, "picture": "javascript:alert(1)"},
        "b": {"name": "Nobody asked"},
    }
    (ada,) = (await asked.find(["a"])).values()
    assert ada.name == ("Ada" + "x" * 500)[:80]
    assert ada.picture is None


@pytest.mark.parametrize("person", [{"name": "Mira Sol"}, {"id": "a", "name": ["Mira Sol"]}])
async def test_an_answer_that_cannot_be_read_puts_no_name_into_the_log(asked, host, person):
    host.answer = an_answer(json={"people": [person]})
    with capture_logs() as lines:
        assert await asked.find(["a"]) == {}
    (line,) = lines
    assert line["event"] == "people.host_failed"
    assert "ValidationError" in line["error"] or "validation error" in line["error"]
    assert "Mira" not in str(lines)


async def test_people_nobody_asked_for_are_not_kept(asked, host):
    host.answer = an_answer(json={"people": [{"id": "z", "name": "Zoe"}]})
    assert await asked.find(["a"]) == {}
    host.answer = None
    assert await asked.find(["z"]) == {}
    assert host.asked == [["a"], ["z"]]


async def test_nobody_asks_the_host_about_an_erased_person(seen, host, database):
    host.people = {"a": {"name": "Ada"}}
    async with database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO erased_users (user_id, erasure, erased_at)"
                " VALUES ('a', gen_random_uuid(), now())"
            )
        )
    async with seen() as client:
        assert await names_of(client, "a") == [None]
    assert host.asked == []


def settings_with(**more):
    return Settings(**{**A_SERVICE, **more})


def test_without_an_address_there_is_no_host_to_ask():
    assert build_host(settings_with()) is None
    assert build_host(settings_with(people_url="https://app.example/p", people_key="k"))


@pytest.mark.parametrize(
    "more",
    [
        {"people_url": "ftp://app.example/p", "people_key": "k"},
        {"people_url": "app.example/p", "people_key": "k"},
        {"people_url": "https://me:secret@app.example/p", "people_key": "k"},
        {"people_url": "https://app.example/p"},
    ],
)
def test_an_address_that_cannot_be_asked_stops_the_service(more):
    with pytest.raises(ValueError, match="people_"):
        settings_with(**more)
