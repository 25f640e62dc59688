"""A gift that is asked for by the shortcut has the same answer as by its route."""

import json
from uuid import uuid4

import pytest

from shared.http import BODY_BYTES_MAX
from tests.clients import a_token, client_of, is_replayed
from tests.gift.conftest import paid, refused
from tests.metrics import keys_counted, metric, since

TEA = {"gift_type": "g_tea", "creator": "lea", "room": "room-1"}
ROUTE = "/v1/gifts"
USUAL = {"Content-Type": "application/json", "Prefer": "respond-async", "Idempotency-Key": "k"}
# A header that comes twice makes a request unusual, and changes nothing else.
TWICE = [("X-Twice", "1"), ("X-Twice", "2")]


@pytest.fixture
def ask_both(app):
    """Ask by the route, then by the shortcut, if the request is usual; return both answers."""

    async def post(content, headers=USUAL, *, token=None):
        answers = []
        for more in (TWICE, []):
            routed = []

            async def watched(scope, receive, send, routed=routed):
                await app(scope, receive, send)
                routed.append("endpoint" in scope)

            async with client_of(watched) as client:
                given = [("Authorization", f"Bearer {token or a_token('mira')}")]
                given += [*headers.items(), *more, ("X-Request-ID", "the-same")]
                answers.append(await client.post(ROUTE, content=content, headers=given))
            answers[-1].routed = routed == [True]
        return answers

    return post


def alike(one, other):
    """Whether two answers are the same, but for what the second one is: a replay of the first."""
    headers = [
        {name: value for name, value in answer.headers.items() if name != "idempotency-replayed"}
        for answer in (one, other)
    ]
    return (one.status_code, headers[0], one.content) == (
        other.status_code,
        headers[1],
        other.content,
    )


async def test_a_usual_request_is_the_same_gift_by_either_way(ask_both):
    by_route, by_shortcut = await ask_both(json.dumps(TEA))

    assert (by_route.routed, by_shortcut.routed) == (True, False)
    assert by_route.status_code == 202
    assert alike(by_route, by_shortcut)
    assert [is_replayed(by_route), is_replayed(by_shortcut)] == [False, True]


async def test_an_outcome_is_the_same_by_either_way(ask_both, wallet_says):
    _, asked = await ask_both(json.dumps(TEA))
    _, other = await ask_both(json.dumps(TEA), USUAL | {"Idempotency-Key": "other"})
    await wallet_says(paid(asked.json()["gift"]), refused(other.json()["gift"]))

    for key, status in (("k", 201), ("other", 402), ('"k"', 201)):
        by_route, by_shortcut = await ask_both(
            json.dumps(TEA), {"Content-Type": "application/json", "Idempotency-Key": key}
        )
        assert not by_shortcut.routed
        assert by_route.status_code == status
        assert alike(by_route, by_shortcut)
        assert [is_replayed(by_route), is_replayed(by_shortcut)] == [True, True]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"gift_type": "g_none"}, 404),
        ({"creator": "mira"}, 422),
        ({"room": None}, 202),
        ({"expected_price_coins": 1}, 409),
        ({"gift_type": "g_crown"}, 422),
        ({"target_token": "a.b.c"}, 422),
        ({"message": "\U0001f339 ä"}, 202),
    ],
)
async def test_a_refusal_is_the_same_by_either_way(ask_both, fields, status):
    by_route, by_shortcut = await ask_both(json.dumps(TEA | fields))

    assert not by_shortcut.routed
    assert by_route.status_code == status
    assert alike(by_route, by_shortcut)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"null", b"[]", b'"text"', b"1", b"NaN", b"\xff", b"[" * 30_000),
        json.dumps(TEA | {"more": 1}),
        json.dumps(TEA | {"count": 1.0}),
        json.dumps(TEA | {"count": "1"}),
        json.dumps(TEA | {"anonymous": 0}),
        json.dumps(TEA | {"confirm": "yes"}),
        json.dumps(TEA | {"creator": "me"}),
        json.dumps(TEA | {"creator": " "}),
        json.dumps(TEA | {"creator": "\ud800"}),
        json.dumps(TEA | {"room": "\x00"}),
        json.dumps({"gift_type": "g_tea"}),
        b'{"gift_type": "g_tea", "creator": "lea", "creator": "kim", "room": "room-1"}',
        json.dumps(TEA).encode("utf-16"),
        b" " * (BODY_BYTES_MAX + 1),
    ],
)
async def test_an_unfit_body_is_answered_the_same(ask_both, content):
    assert alike(*await ask_both(content))


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency-Key": ""},
        {"Idempotency-Key": " "},
        {"Idempotency-Key": "a" * 128},
        {"Idempotency-Key": "a" * 129},
        {"Idempotency-Key": '"a'},
        {"Idempotency-Key": '"a\\"b"'},
        {"Idempotency-Key": '"a\\b"'},
        {"Idempotency-Key": b"\xe4"},
        {"Idempotency-Key": "tencent:1"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": "application/vnd.gift+json"},
        {"Content-Type": ""},
        {"Prefer": ""},
        {"Prefer": "wait=1, respond-async"},
    ],
)
async def test_unusual_headers_are_answered_the_same(ask_both, headers):
    assert alike(*await ask_both(json.dumps(TEA), USUAL | headers))


@pytest.mark.parametrize(
    "token",
    [
        *("", " ", "no-token", "a b", "a.b.c", "x" * 9_000),
    ],
)
async def test_what_is_no_token_is_answered_the_same(ask_both, token):
    assert alike(*await ask_both(json.dumps(TEA), token=token))


@pytest.mark.parametrize(
    ("user", "claims"),
    [
        ("mira", {"exp": 1}),
        ("mira", {"aud": "another"}),
        ("me", {}),
        ("mira", {"age_verified": 17}),
        ("mira", {"roles": ["operator"]}),
    ],
)
async def test_any_token_is_answered_the_same(ask_both, user, claims):
    assert alike(*await ask_both(json.dumps(TEA), token=a_token(user, **claims)))


async def test_a_body_in_pieces_is_a_usual_one(app):
    async def pieces():
        for piece in json.dumps(TEA):
            yield piece.encode()

    async with client_of(app, a_token("mira")) as mira:
        answer = await mira.post(ROUTE, content=pieces(), headers=USUAL)
        unfit = await mira.post(ROUTE, content=pieces(), headers=USUAL | {"Content-Type": "a/b"})

    assert (answer.status_code, unfit.status_code) == (202, 415)


async def test_both_ways_count_under_the_same_route(ask_both):
    def counted():
        labels = {"method": "POST", "route": ROUTE, "status": "202"}
        return [metric("ovation_http_requests_total", **labels), *keys_counted(ROUTE)]

    before = counted()
    await ask_both(json.dumps(TEA), USUAL | {"Idempotency-Key": uuid4().hex})

    assert since(before, counted()) == [2, 1, 1, 0, 0]


async def test_a_key_that_comes_back_with_another_body_is_counted(ask_both):
    await ask_both(json.dumps(TEA))
    before = keys_counted(ROUTE)
    by_route, by_shortcut = await ask_both(json.dumps(TEA | {"count": 2}))

    assert by_route.json()["code"] == "key-reused"
    assert alike(by_route, by_shortcut)
    assert since(before, keys_counted(ROUTE)) == [0, 0, 2, 0]
