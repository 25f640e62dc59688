"""The Python client: attempts under one key, tokens, refusals, pages and the feed."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from standardwebhooks.webhooks import Webhook

from tests.api_clients.conftest import Reply

KEY = "Idempotency-Key"
SECRET, FORMER = "whsec_bmV3IHNlY3JldA==", "whsec_Zm9ybWVyIHNlY3JldA=="
GIFT = {
    "gift": str(uuid4()),
    "state": "sent",
    "viewer": "mira",
    "creator": "lea",
    "room": "r",
    "gift_type": "g_rose",
    "count": 1,
    "price_coins": 1,
    "coins": 1,
    "message": None,
    "anonymous": False,
    "requested_at": "2026-01-01T00:00:00Z",
    "settled_at": None,
}
SENT = Reply(GIFT, 201)
OPEN = Reply({**GIFT, "state": "requested"}, 202)
BUSY = Reply({"type": "unavailable", "title": "Busy.", "status": 503}, 503, {"Retry-After": "0"})
NOT_VALID = Reply({"type": "unauthenticated", "title": "No.", "status": 401}, 401)
LOST = Reply(lost=True)


def an_entry(number, kind="gift"):
    return f'event: {kind}\nid: {number}\ndata: {{"number": {number}}}\n\n'


@pytest.fixture
async def client(python_client, script):
    """A client whose pauses are short; its tokens are numbered."""
    from ovation_client import Ovation, Retries  # noqa: PLC0415 - it is generated

    made = []

    async def token():
        made.append(f"token-{len(made) + 1}")
        return made[-1]

    retries = Retries(deadline_seconds=20.0, first_pause_seconds=0.01, pause_seconds_max=0.01)
    async with Ovation(script.url, token=token, retries=retries) as opened:
        opened.made = made
        yield opened


@pytest.fixture
def give(client):
    async def send(**more):
        from ovation_client.api.gifts import send_gift  # noqa: PLC0415
        from ovation_client.models import SendGiftRequest  # noqa: PLC0415

        body = SendGiftRequest(gift_type="g_rose", creator="lea", room="r")
        return await send_gift(client, body=body, **more)

    return send


@pytest.mark.parametrize("trouble", [BUSY, LOST, OPEN, Reply(None, 502)])
async def test_a_gift_is_repeated_under_its_key_until_it_is_decided(trouble, give, script):
    script.plays(trouble, trouble, SENT)

    gift = await give()

    assert gift.state == "sent"
    keys = script.sent(KEY)
    assert len(keys) == 3
    assert set(keys) == {keys[0]}
    assert keys[0]


async def test_two_gifts_have_two_keys_and_a_key_that_is_given_is_kept(give, script):
    script.plays(SENT)

    await give()
    await give()
    await give(idempotency_key="mine")

    first, second, third = script.sent(KEY)
    assert first != second
    assert third == "mine"


async def test_a_refusal_is_an_error_of_its_code_with_its_facts(give, script):
    from ovation_client.problem_types import InsufficientCoins  # noqa: PLC0415

    document = {"type": "insufficient-coins", "title": "Too few.", "status": 402}
    script.plays(Reply({**document, "shortfall_coins": 7, "needed_coins": 9, "new": True}, 402))

    with pytest.raises(InsufficientCoins) as refused:
        await give()

    assert refused.value.code == "insufficient-coins"
    assert refused.value.shortfall_coins == 7
    assert refused.value.balance_coins is None
    assert refused.value.facts["new"] is True
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"type": "https://coins.example/problems/later-code", "title": "New."}, "later-code"),
        ({"type": "about:blank", "code": "later-code", "title": "New."}, "later-code"),
        (["no problem"], "http-403"),
    ],
)
async def test_a_code_that_is_not_known_is_a_problem_all_the_same(document, code, give, script):
    from ovation_client import Problem  # noqa: PLC0415

    script.plays(Reply(document, 403))

    with pytest.raises(Problem) as refused:
        await give()

    assert refused.value.code == code


async def test_a_request_that_could_happen_twice_is_not_repeated(client, script):
    import httpx  # noqa: PLC0415

    script.plays(LOST)

    with pytest.raises(httpx.TransportError):
        await client.request("POST", "/v1/rooms/r/thanks", json={})

    assert len(script.requests) == 1


async def test_a_token_that_is_not_accepted_is_replaced_once(client, give, script):
    script.plays(NOT_VALID, SENT)
    await give()
    assert script.sent("Authorization") == ["Bearer token-1", "Bearer token-2"]

    await give()
    assert client.made == ["token-1", "token-2"]

    from ovation_client.problem_types import Unauthenticated  # noqa: PLC0415

    script.plays(NOT_VALID)
    with pytest.raises(Unauthenticated):
        await give()
    assert client.made == ["token-1", "token-2", "token-3"]


async def test_an_attempt_after_the_deadline_is_not_made(client, give, script):
    from ovation_client import Retries  # noqa: PLC0415
    from ovation_client.problems import Problem  # noqa: PLC0415

    client.retries = Retries(deadline_seconds=5.0)
    script.plays(Reply({"type": "too-often", "title": "No."}, 429, {"Retry-After": "3600"}))

    with pytest.raises(Problem):
        await give()

    assert len(script.requests) == 1


async def test_every_page_is_read_when_it_is_needed(client, script):
    from ovation_client import each  # noqa: PLC0415
    from ovation_client.api.gifts import list_gifts  # noqa: PLC0415

    script.plays(
        Reply({"items": [GIFT], "next_cursor": "c1"}), Reply({"items": [GIFT], "next_cursor": None})
    )

    found = [gift.viewer async for gift in each(list_gifts, client, limit=1)]

    assert found == ["mira", "mira"]
    assert [request.query.get("cursor") for request in script.requests] == [None, "c1"]


async def test_the_feed_goes_on_where_it_was_after_whatever_broke_it(client, script):
    from ovation_client import follow  # noqa: PLC0415

    ends = 'event: token_expired\ndata: {"reason": "expired"}\n\n'
    script.plays(
        Reply({"last_event_id": "4"}),
        Reply(text=an_entry(5) + 'event: gift\nid: 6\ndata: {"num', lost=True),
        BUSY,
        NOT_VALID,
        Reply(text="retry: 10\n\n", headers={"Retry-After": "0"}),
        Reply(text=an_entry(6) + ends),
        Reply(text=an_entry(9, "reset") + an_entry(10)),
    )

    feed = follow(client, "r")
    heard = [await anext(feed) for _ in range(4)]
    await feed.aclose()

    assert [entry.data["number"] for entry in heard] == [5, 6, 9, 10]
    assert heard[2].kind == "reset"
    assert script.sent("Last-Event-ID")[1:] == ["4", "5", "5", "5", "5", "6"]
    assert client.made == ["token-1", "token-2", "token-3"]


async def test_a_feed_that_nobody_may_follow_ends(client, script):
    from ovation_client import follow  # noqa: PLC0415
    from ovation_client.problem_types import NoSuchKind, Unauthenticated  # noqa: PLC0415

    script.plays(Reply({"type": "no-such-kind", "title": "No.", "kinds": ["gift"]}, 422))
    with pytest.raises(NoSuchKind) as refused:
        await anext(follow(client, "r", after="1", only="gifts"))
    assert refused.value.kinds == ["gift"]

    script.plays(NOT_VALID)
    with pytest.raises(Unauthenticated):
        await anext(follow(client, "r", after="1"))


def signed(*secrets, age=timedelta(0), body=None):
    body = body or json.dumps(
        {
            "id": "1",
            "type": "dev.ovation.gift.sent.v1",
            "subject": "s",
            "sequence": "2",
            "time": "2026-01-01T00:00:00Z",
            "data": {"coins": 5},
        }
    )
    at = datetime.now(UTC) - age
    signatures = " ".join(Webhook(secret).sign("1", at, body) for secret in secrets)
    stamp = str(int(at.timestamp()))
    headers = {"webhook-id": "1", "webhook-timestamp": stamp, "webhook-signature": signatures}
    return body.encode(), headers


def test_a_webhook_is_read_also_while_its_secret_is_replaced(python_client):
    from ovation_client import verify  # noqa: PLC0415

    assert verify(*signed(SECRET), SECRET).data["coins"] == 5
    assert verify(*signed(SECRET, FORMER), FORMER).sequence == 2
    assert verify(*signed(FORMER), [SECRET, FORMER]).id == "1"


def with_signature(signature):
    body, headers = signed(SECRET)
    return body, {**headers, "webhook-signature": signature}


@pytest.mark.parametrize(
    "forge",
    [
        lambda: signed(FORMER),
        lambda: signed(SECRET, age=timedelta(minutes=6)),
        lambda: signed(SECRET, age=-timedelta(minutes=6)),
        lambda: (signed(SECRET)[0] + b" ", signed(SECRET)[1]),
        lambda: (signed(SECRET)[0], {}),
        lambda: with_signature("v1"),
        lambda: with_signature("v1,é v2,x"),
        lambda: (b"\xff", signed(SECRET)[1]),
    ],
)
def test_what_was_not_signed_with_the_secret_is_refused(forge, python_client):
    from ovation_client import NotVerified, verify  # noqa: PLC0415 - it is generated

    with pytest.raises(NotVerified):
        verify(*forge(), SECRET)
