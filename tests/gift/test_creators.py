"""Creators, and hosts for anybody, switch gifts off, block viewers, and decide about messages."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.gift.commands import creators, messages
from services.gift.domain import admissions
from services.gift.domain.creators import MessageState
from services.gift.main import build_http
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, an_operator_token, client_of
from tests.deliveries import announced
from tests.gift.conftest import paid, refused
from tests.gift.rooms import closed, joined, opened

LEA = "/v1/gifts/creators/lea"
ON, OFF = {"gifts_off": False}, {"gifts_off": True}
HOLD = {"gifts_off": False, "hold_messages": True}


@pytest.fixture
def app(database, catalogue_cache, pending_replies):
    return build_http(database, a_verifier(), catalogue_cache, pending_replies)


@pytest.fixture
async def caller(app):
    async with AsyncExitStack() as opened_clients:

        async def client(token):
            return await opened_clients.enter_async_context(client_of(app, token))

        yield client


@pytest.fixture
async def lea(caller):
    return await caller(a_token("lea", roles=["creator"]))


@pytest.fixture
async def otto(caller):
    return await caller(a_token("otto", roles=["creator"]))


@pytest.fixture
async def host(caller):
    return await caller(an_operator_token("gifts:moderate"))


@pytest.fixture(autouse=True)
async def room(hear):
    await hear(opened(), joined("otto", guests=["otto"], revision=2))


@pytest.fixture
def refusal(ask):
    async def code(**body):
        answer = await ask(**body)
        return None if answer.status_code == 202 else answer.json()["code"]

    return code


@pytest.fixture
def said_something(ask, hear, lea):
    """A gift with a message, sent, by somebody whose messages are held or not."""

    async def give(message="For the encore!", *, held=True, sent=True, **body):
        rules = {**HOLD, "hold_messages": held}
        assert (await lea.put(f"{LEA}/rules", json=rules)).status_code == 200
        gift = (await ask(message=message, **body)).json()["gift"]
        if sent:
            await hear(paid(gift))
        return gift

    return give


async def test_gifts_are_off_for_the_stream_that_goes_on_and_on_in_the_next(lea, hear, refusal):
    switched = await lea.put(f"{LEA}/rooms/room-1", json=OFF)
    assert (switched.status_code, switched.json()["gifts_off"]) == (200, True)
    assert await refusal() == "gifts-off"

    await hear(closed(revision=3), opened(revision=4, number=2))

    assert await refusal() is None


async def test_gifts_can_be_switched_on_again(lea, refusal):
    await lea.put(f"{LEA}/rooms/room-1", json=OFF)
    await lea.put(f"{LEA}/rooms/room-1", json=OFF)
    await lea.put(f"{LEA}/rooms/room-1", json=ON)

    assert await refusal() is None


async def test_an_owner_switches_off_for_all_in_the_room_and_a_guest_for_themselves(
    lea, otto, refusal
):
    await otto.put("/v1/gifts/creators/otto/rooms/room-1", json=OFF)
    assert (await refusal(creator="otto"), await refusal(creator="lea")) == ("gifts-off", None)
    await otto.put("/v1/gifts/creators/otto/rooms/room-1", json=ON)
    await lea.put(f"{LEA}/rooms/room-1", json=OFF)

    assert await refusal(creator="otto") == "gifts-off"


async def test_only_who_is_in_an_open_room_switches_gifts_off_in_it(lea, hear, caller):
    nina = await caller(a_token("nina", roles=["creator"]))
    answer = await nina.put("/v1/gifts/creators/nina/rooms/room-1", json=OFF)
    assert answer.json()["code"] == "not-in-room"
    assert (await lea.put(f"{LEA}/rooms/room-9", json=OFF)).json()["code"] == "room-not-open"
    await hear(closed(revision=3))

    answer = await lea.put(f"{LEA}/rooms/room-1", json=OFF)

    assert (answer.status_code, answer.json()["code"]) == (409, "room-not-open")


async def test_what_a_creator_switches_is_one_row_however_often(lea, database):
    async with database.transaction() as tx:
        said = (await tx.execute(text("SELECT count(*) FROM outbox"))).scalar_one()
    for number in range(10):
        off = bool(number % 2)
        await lea.put(f"{LEA}/rooms/room-1", json={"gifts_off": off})
        await lea.put(f"{LEA}/rules", json={"gifts_off": off, "hold_messages": off})

    async with database.transaction() as tx:
        rows = """
            SELECT (SELECT count(*) FROM streams_without_gifts),
                (SELECT count(*) FROM creator_rules), (SELECT count(*) FROM outbox)
        """
        assert tuple((await tx.execute(text(rows))).one()) == (1, 1, said)


async def test_gifts_are_off_everywhere_until_they_are_switched_on(lea, hear, refusal):
    await lea.put(f"{LEA}/rules", json={"gifts_off": True, "hold_messages": False})
    await hear(closed(revision=3), opened(revision=4, number=2, guests=["otto"]))
    assert (await refusal(), await refusal(creator="otto")) == ("gifts-off", None)
    assert (await lea.get(f"{LEA}/rules")).json()["gifts_off"] is True

    await lea.put(f"{LEA}/rules", json={"gifts_off": False, "hold_messages": False})

    assert await refusal() is None


async def test_a_blocked_viewer_is_told_no_more_than_that(lea, ask, refusal):
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    blocked = await lea.put(f"{LEA}/blocks/mira", json={"until": until})
    assert blocked.status_code == 200

    answer = await ask()

    assert (answer.status_code, answer.json()["code"]) == (403, "blocked")
    assert "until" not in answer.json()
    assert await refusal(creator="otto") is None
    assert (await lea.delete(f"{LEA}/blocks/mira")).status_code == 204
    assert (await lea.delete(f"{LEA}/blocks/mira")).status_code == 204
    assert await refusal() is None


async def test_blocks_are_listed_by_name_page_by_page_and_there_are_only_so_many(lea, monkeypatch):
    monkeypatch.setattr(creators, "BLOCKS_MAX", 3)
    assert admissions.BLOCKS_MAX == 1_000
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    await lea.put(f"{LEA}/blocks/over", json={"until": past})
    for viewer in ("jonas", "aiko", "mira", "aiko"):
        assert (await lea.put(f"{LEA}/blocks/{viewer}", json={})).status_code == 200
    more = await lea.put(f"{LEA}/blocks/rita", json={})
    assert (more.status_code, more.json()["code"]) == (409, "too-many-blocks")

    page = (await lea.get(f"{LEA}/blocks?limit=2")).json()
    rest = (await lea.get(f"{LEA}/blocks?limit=2&cursor={page['next_cursor']}")).json()

    assert [each["viewer"] for each in page["items"] + rest["items"]] == ["aiko", "jonas", "mira"]
    assert rest["next_cursor"] is None
    assert (await lea.get(f"{LEA}/blocks?cursor=nonsense")).json()["code"] == "bad-cursor"


async def test_of_many_blocks_at_once_no_more_than_the_limit_are_made(database, monkeypatch):
    monkeypatch.setattr(creators, "BLOCKS_MAX", 2)

    async def block(viewer):
        async with database.reference.transaction() as tx:
            await creators.block(tx, "lea", viewer, None, by="lea")

    viewers = ("aiko", "jonas", "mira", "rita")
    results = await asyncio.gather(*map(block, viewers), return_exceptions=True)

    assert sum(result is None for result in results) == 2


async def test_a_creator_cannot_block_themselves(lea):
    answer = await lea.put(f"{LEA}/blocks/lea", json={})

    assert (answer.status_code, answer.json()["code"]) == (422, "block-of-oneself")


ROUTES = [
    ("GET", "/rules", None),
    ("PUT", "/rules", HOLD),
    ("PUT", "/rooms/room-1", OFF),
    ("GET", "/blocks", None),
    ("PUT", "/blocks/mira", {}),
    ("DELETE", "/blocks/mira", None),
    ("GET", "/messages", None),
    ("PUT", f"/messages/{UUID(int=7)}", {"state": "shown"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_nobody_else_may_and_the_host_may_for_anybody(caller, host, method, path, body):
    strangers = (
        a_token("otto", roles=["creator"]),
        a_token("lea"),
        an_operator_token("books:read"),
        a_token("mira", scope="gifts:moderate"),
    )
    for token in strangers:
        answer = await (await caller(token)).request(method, f"{LEA}{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-the-creator")

    answer = await host.request(method, f"{LEA}{path}", json=body)

    assert answer.status_code in (200, 204) or answer.json()["code"] == "no-such-message"


async def test_a_held_message_is_in_no_event_until_it_is_approved(said_something, lea, database):
    gift = await said_something()
    await said_something("Not held", held=False)

    sent = await announced(database, "gift.sent")
    assert [event["message"] for event in sent] == [None, "Not held"]
    (held,) = await announced(database, "gift.message_held")
    assert (held["gift"], held["revision"], "message" in held) == (gift, 1, False)
    (waiting,) = (await lea.get(f"{LEA}/messages")).json()["items"]
    assert (waiting["gift"], waiting["message"]) == (gift, "For the encore!")

    for _ in range(2):
        shown = await lea.put(f"{LEA}/messages/{gift}", json={"state": "shown"})
        assert (shown.status_code, shown.json()["state"]) == (200, "shown")

    (event,) = await announced(database, "gift.message_shown")
    assert (event["message"], event["revision"]) == ("For the encore!", 2)
    assert (await lea.get(f"{LEA}/messages")).json()["items"] == []


async def test_what_was_decided_before_the_gift_was_sent_is_part_of_its_outcome(
    said_something, hear, lea, database
):
    shown, removed = [await said_something(sent=False) for _ in range(2)]
    assert (await lea.get(f"{LEA}/messages")).json()["items"] == []
    await lea.put(f"{LEA}/messages/{shown}", json={"state": "shown"})
    await lea.put(f"{LEA}/messages/{removed}", json={"state": "removed"})
    await hear(paid(shown), paid(removed))

    sent = await announced(database, "gift.sent")
    said = {event["gift"]: event["message"] for event in sent}
    assert said == {shown: "For the encore!", removed: None}
    for name in ("held", "shown", "removed"):
        assert await announced(database, f"gift.message_{name}") == []


async def test_a_decision_and_the_outcome_at_once_agree(said_something, hear, database):
    """The outcome waits for the decision, and then says what was decided."""
    gift = await said_something(sent=False)
    decided, may_commit = asyncio.Event(), asyncio.Event()

    async def remove():
        async with database.part_for("mira").transaction() as tx:
            state = MessageState.REMOVED
            await messages.decide_message(
                tx, "lea", UUID(gift), state, by="lea", correlation_id="story"
            )
            decided.set()
            await may_commit.wait()

    removing = asyncio.create_task(remove())
    await decided.wait()
    deciding = asyncio.create_task(hear(paid(gift)))
    finished, _ = await asyncio.wait({deciding}, timeout=0.3)
    assert not finished
    may_commit.set()
    await asyncio.gather(removing, deciding)

    (sent,) = await announced(database, "gift.sent")
    assert sent["message"] is None
    assert await announced(database, "gift.message_held") == []


async def test_a_shown_message_can_be_removed_and_then_never_shows_again(
    said_something, lea, mira, database
):
    gift = await said_something(held=False)

    removed = await lea.put(f"{LEA}/messages/{gift}", json={"state": "removed"})
    again = await lea.put(f"{LEA}/messages/{gift}", json={"state": "shown"})

    assert (removed.status_code, removed.json()["state"]) == (200, "removed")
    assert (again.status_code, again.json()["code"]) == (409, "message-is-removed")
    (event,) = await announced(database, "gift.message_removed")
    assert (event["gift"], event["revision"], "message" in event) == (gift, 1, False)
    assert (await mira.get(f"/v1/gifts/{gift}")).json()["message_state"] == "removed"


async def test_a_message_of_a_gift_that_was_refused_is_nobodys_business(said_something, hear, lea):
    gift = await said_something(sent=False)
    await hear(refused(gift))

    assert (await lea.get(f"{LEA}/messages")).json()["items"] == []


async def test_who_gave_anonymously_is_not_named_to_the_creator(said_something, lea):
    gift = await said_something(anonymous=True)

    (waiting,) = (await lea.get(f"{LEA}/messages")).json()["items"]
    decided = await lea.put(f"{LEA}/messages/{gift}", json={"state": "shown"})

    assert (waiting["viewer"], decided.json()["viewer"]) == (None, None)


async def test_waiting_messages_come_page_by_page(said_something, lea):
    gifts = [await said_something() for _ in range(3)]

    page = (await lea.get(f"{LEA}/messages?limit=2")).json()
    rest = (await lea.get(f"{LEA}/messages?limit=2&cursor={page['next_cursor']}")).json()

    assert [each["gift"] for each in page["items"] + rest["items"]] == gifts
    assert rest["next_cursor"] is None


async def test_a_creator_decides_about_their_own_messages_only(said_something, otto):
    gift = await said_something()

    answer = await otto.put(f"/v1/gifts/creators/otto/messages/{gift}", json={"state": "shown"})

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-message")


@pytest.mark.parametrize(
    "body", [{}, {"gifts_off": 1, "hold_messages": False}, {**HOLD, "more": True}]
)
async def test_rules_of_another_shape_are_refused(lea, body):
    assert (await lea.put(f"{LEA}/rules", json=body)).status_code == 422


async def test_who_decided_is_remembered(said_something, host, database):
    gift = await said_something()
    await host.put(f"{LEA}/messages/{gift}", json={"state": "removed"})
    await host.put(f"{LEA}/blocks/mira", json={})

    async with database.transaction() as tx:
        by = [(await tx.execute(text("SELECT decided_by FROM messages"))).scalar_one()]
        by.append((await tx.execute(text("SELECT made_by FROM blocks"))).scalar_one())
    assert by == ["ops", "ops"]
