"""Only creators in an open room may receive there, or those that the host's signed token names."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from itertools import count, islice, permutations
from uuid import uuid4, uuid5

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from services.gift.commands import creators
from services.gift.commands.intake import admitting
from services.gift.commands.requests import request_gifts
from services.gift.domain.admissions import Blocked
from services.gift.domain.creators import CreatorRules
from services.gift.domain.gifts import Gift
from services.gift.main import build_http
from shared.identity.issuers import Issuer
from shared.identity.tokens import TARGET_TYPE, Verifier
from shared.postgres.statements import text
from tests.clients import AUDIENCE, ISSUER, a_token, a_verifier, client_of, signing_key
from tests.deliveries import announced, rows_returned
from tests.gift.conftest import CATALOGUE, a_request, paid, take_in
from tests.gift.rooms import closed, joined, left, opened


@pytest.fixture
def app(database, catalogue_cache, pending_replies):
    """As in production: not anybody may receive."""
    return build_http(database, a_verifier(), catalogue_cache, pending_replies)


def a_target_token(*, key=None, typ=TARGET_TYPE, kid="test", **claims):
    now = int(time.time())
    known = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + 600}
    known |= {"room": "room-1", "creator": "lea"}
    merged = {name: value for name, value in {**known, **claims}.items() if value is not None}
    header = {"alg": "RS256", "kid": kid, "typ": typ}
    return jwt.encode(header, merged, key or signing_key(), algorithms=["RS256"])


@pytest.fixture
def refusal(ask):
    """The code with which a gift is refused; None if it is taken in."""

    async def code(**body):
        answer = await ask(**body)
        return None if answer.status_code == 202 else answer.json()["code"]

    return code


async def test_a_room_that_nobody_opened_takes_no_gifts(ask, database):
    answer = await ask()

    assert (answer.status_code, answer.json()["code"]) == (409, "room-not-open")
    assert await announced(database, "gift.requested") == []


async def test_in_an_open_room_its_owner_and_its_guests_receive_and_nobody_else(hear, refusal):
    await hear(opened(), joined("otto", guests=["otto"], revision=2))

    assert await refusal(creator="lea") is None
    assert await refusal(creator="otto") is None
    assert await refusal(creator="mallory") == "not-in-room"
    assert await refusal(creator="lea", room="room-2") == "room-not-open"


async def test_a_guest_who_left_and_a_room_that_closed_receive_no_more(hear, refusal):
    await hear(opened(), joined("otto", guests=["otto"], revision=2), left("otto", revision=3))
    assert await refusal(creator="otto") == "not-in-room"

    await hear(closed(revision=4))

    assert await refusal(creator="lea") == "room-not-open"


FACTS = (
    opened(revision=1),
    joined("otto", guests=["otto"], revision=2),
    closed(revision=3, guests=["otto"]),
    opened(revision=4, number=2, guests=["otto"]),
    joined("nina", guests=["otto", "nina"], revision=5, number=2),
    left("otto", guests=["nina"], revision=6, number=2),
)
READ = text("SELECT room, revision, creator, guests, stream, is_open FROM rooms")


@pytest.mark.parametrize("length", range(1, len(FACTS) + 1))
async def test_the_room_is_as_its_newest_fact_says_in_every_order(hear, database, length):
    """Each order of the first few facts has a room of its own; of six facts every eighth order."""
    told = FACTS[:length]
    newest = told[-1]
    for order in list(permutations(told))[:: 8 if length == len(FACTS) else 1]:
        room = f"room-{uuid4()}"
        for fact in (*order, order[0]):
            stream = uuid5(fact.stream, room)
            await hear(fact.model_copy(update={"room": room, "stream": stream}))
        async with database.transaction() as tx:
            (row,) = [row for row in await tx.execute(READ) if row.room == room]
        assert (row.revision, row.guests) == (newest.revision, list(newest.guests))
        assert row.stream == uuid5(newest.stream, room)
        assert row.is_open is (newest.name != "live.room_closed")


@pytest.mark.parametrize("order", list(permutations(range(2))))
async def test_a_closed_stream_stays_closed_also_without_revisions(hear, refusal, order):
    """As a version of live says it that counts no changes."""
    without = {"revision": None, "guests": None}
    facts = [opened().model_copy(update=without), closed().model_copy(update=without)]

    for place in order:
        await hear(facts[place])

    assert await refusal() == "room-not-open"


async def test_an_older_versions_word_counts_beside_that_of_a_newer_one(hear, refusal):
    without = {"revision": None, "guests": None}
    await hear(opened(revision=3, guests=["otto"]))

    await hear(closed().model_copy(update=without))
    assert await refusal() == "room-not-open"
    await hear(opened(number=2).model_copy(update=without))

    assert await refusal() is None
    assert await refusal(creator="otto") is None


async def test_outside_of_rooms_a_target_token_has_to_name_the_creator(refusal):
    token = a_target_token(room=None)

    assert await refusal(room=None) == "target-token-missing"
    assert await refusal(room=None, target_token=token) is None
    assert await refusal(room=None, creator="otto", target_token=token) == "target-token-invalid"
    assert await refusal(room="room-1", target_token=token) == "target-token-invalid"


async def test_a_host_with_rooms_of_its_own_says_who_is_in_them(refusal, database):
    token = a_target_token(room="stage", creator=None, creators=["lea", "otto"])

    assert await refusal(room="stage", creator="otto", target_token=token) is None
    assert await refusal(room="stage", creator="mallory", target_token=token) is not None
    assert await refusal(room="stage", creator="otto") == "room-not-open"


async def test_a_target_token_names_people_of_255_characters(refusal):
    creator = "l" * 255
    token = a_target_token(creator=creator, viewer="mira", blocked=["b" * 255])

    assert await refusal(creator=creator, target_token=token) is None
    assert await refusal(target_token=a_target_token(creator="l" * 256)) == "target-token-invalid"
    assert await refusal(target_token=a_target_token(room="r" * 65)) == "target-token-invalid"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (lambda: a_target_token(exp=int(time.time()) - 60), "expired"),
        (lambda: a_target_token(room="room-2"), "other-room"),
        (lambda: a_target_token(creator="otto"), "other-creator"),
        (lambda: a_target_token(viewer="jonas"), "other-viewer"),
        (lambda: a_target_token(creator=None), "no-creator"),
        (lambda: a_target_token(creator=7), "bad-claim"),
        (lambda: a_target_token(room=7), "bad-claim"),
        (lambda: a_target_token(gifts_off="false"), "bad-claim"),
        (lambda: a_target_token(blocked={"mira": 1}), "bad-claim"),
        (lambda: a_target_token(creators=["x"] * 101), "bad-claim"),
        (lambda: a_target_token(iss="https://else.example"), "wrong-issuer"),
        (lambda: a_target_token(aud="else"), "wrong-audience"),
        (lambda: a_target_token(typ="JWT"), "wrong-type"),
        (lambda: a_target_token(exp=None), "malformed"),
        (lambda: a_token("lea"), "wrong-type"),
        (lambda: "rubbish", "malformed"),
    ],
)
async def test_a_target_token_that_is_not_for_this_gift_is_refused(ask, hear, token, reason):
    await hear(opened())

    answer = await ask(target_token=token())

    assert (answer.status_code, answer.json()["code"]) == (422, "target-token-invalid")
    assert answer.json()["reason"] == reason


async def test_a_token_of_somebody_elses_key_is_refused(ask):
    stranger = RSAKey.generate_key(2048, parameters={"kid": "test"}, private=True)

    answer = await ask(target_token=a_target_token(key=stranger))

    assert answer.json()["reason"] == "bad-signature"


async def test_a_target_token_speaks_for_nobody(app):
    token = a_target_token(sub="mira", roles=["operator"])

    async with client_of(app, token) as client:
        answer = await client.get("/v1/gifts")

    assert (answer.status_code, answer.json()["reason"]) == (401, "wrong-type")


async def test_a_host_may_sign_with_a_key_of_its_own(database, catalogue_cache, pending_replies):
    own = RSAKey.generate_key(2048, parameters={"kid": "host"}, private=True)
    targets = Verifier(Issuer(ISSUER, AUDIENCE, jwks_url=None), keys=KeySet([own]))
    app = build_http(database, a_verifier(), catalogue_cache, pending_replies, targets=targets)
    fields = {"gift_type": "g_tea", "creator": "lea", "room": "room-1"}

    async def send(client, token):
        headers = {"Idempotency-Key": str(uuid4()), "Prefer": "respond-async"}
        body = {**fields, "target_token": token}
        return (await client.post("/v1/gifts", json=body, headers=headers)).status_code

    async with client_of(app, a_token("mira")) as client:
        assert await send(client, a_target_token(key=own, kid="host")) == 202
        assert await send(client, a_target_token()) == 422


async def test_a_host_may_switch_off_and_block_in_its_token(refusal):
    assert await refusal(target_token=a_target_token(gifts_off=True)) == "gifts-off"
    assert await refusal(target_token=a_target_token(blocked=["mira"])) == "blocked"
    assert await refusal(target_token=a_target_token(blocked=["jonas"])) is None


async def test_a_repeat_is_the_same_gift_whatever_became_of_the_room_or_the_token(ask, hear):
    await hear(opened())
    first = await ask(key="one")
    with_token = await ask(key="two", target_token=a_target_token(jti="1"))
    await hear(closed())

    assert (await ask(key="one")).json()["gift"] == first.json()["gift"]
    again = await ask(key="two", target_token=a_target_token(jti="2"))
    assert again.json()["gift"] == with_token.json()["gift"]
    assert (await ask(key="one", count=2)).json()["code"] == "key-reused"
    assert (await ask(key="three")).json()["code"] == "room-not-open"


async def test_a_refused_gift_leaves_its_key_free(ask, hear):
    assert (await ask(key="one")).json()["code"] == "room-not-open"
    await hear(opened())

    assert (await ask(key="one")).status_code == 202


async def test_in_a_batch_each_gift_is_decided_on_its_own(hear, database):
    await hear(opened(), opened("room-2", "otto"))
    good, bad = a_request("mira", "lea"), a_request("mira", "mallory")

    answers = await take_in(database, bad, good, bad, good, anybody=False)

    assert [isinstance(answer, Gift) for answer in answers] == [False, True, False, True]
    assert answers[0].code() == "not-in-room"
    assert len(await announced(database, "gift.requested")) == 1


@pytest.mark.parametrize(
    ("body", "target"),
    [({}, "room"), ({"room": None, "target_token": True}, "token")],
)
async def test_gift_sent_says_why_its_creator_may_receive_it(ask, hear, database, body, target):
    await hear(opened())
    if "target_token" in body:
        body = {**body, "target_token": a_target_token(room=None)}
    gift = (await ask(**body)).json()["gift"]
    await hear(paid(gift))

    (sent,) = await announced(database, "gift.sent")
    assert sent["target"] == target


async def test_where_anybody_may_receive_it_says_so(
    database, catalogue_cache, pending_replies, hear
):
    app = build_http(
        database, a_verifier(), catalogue_cache, pending_replies, anybody_may_receive=True
    )
    headers = {"Idempotency-Key": "one", "Prefer": "respond-async"}
    body = {"gift_type": "g_tea", "creator": "whoever", "room": "anywhere"}
    async with client_of(app, a_token("mira")) as client:
        answer = await client.post("/v1/gifts", json=body, headers=headers)
    await hear(paid(answer.json()["gift"]))

    (sent,) = await announced(database, "gift.sent")
    assert sent["target"] == "anybody"


async def test_no_gift_follows_once_a_block_was_answered(hear, database):
    """Intake decides under a lock that the block takes as well: one of them comes first."""
    await hear(opened())
    decided, may_commit = asyncio.Event(), asyncio.Event()

    async def give():
        asked = [a_request("mira", "lea")]
        async with admitting(database, database.part_for("mira"), asked) as (tx, known):
            (answer,) = await request_gifts(tx, asked, known, CATALOGUE)
            decided.set()
            await may_commit.wait()
        return answer, datetime.now(UTC)

    async def block():
        await decided.wait()
        async with database.reference.transaction() as tx:
            await creators.block(tx, "lea", "mira", None, by="lea")
        return datetime.now(UTC)

    giving, blocking = asyncio.create_task(give()), asyncio.create_task(block())
    await decided.wait()
    finished, _ = await asyncio.wait({blocking}, timeout=0.3)
    assert not finished
    may_commit.set()
    (answer, given_at), blocked_at = await giving, await blocking

    assert isinstance(answer, Gift)
    assert given_at <= blocked_at


async def test_a_gift_that_waits_for_a_block_goes_by_it(hear, database):
    """What it reads is from after the wait, not from before."""
    await hear(opened())
    blocked, may_commit = asyncio.Event(), asyncio.Event()

    async def block():
        async with database.reference.transaction() as tx:
            await creators.block(tx, "lea", "mira", None, by="lea")
            blocked.set()
            await may_commit.wait()

    async def give():
        (answer,) = await take_in(database, a_request("mira", "lea"), anybody=False)
        return answer

    blocking = asyncio.create_task(block())
    await blocked.wait()
    giving = asyncio.create_task(give())
    finished, _ = await asyncio.wait({giving}, timeout=0.3)
    assert not finished
    may_commit.set()
    await blocking

    assert isinstance(await giving, Blocked)


async def test_intake_needs_one_statement_more_however_many_gifts_there_are(
    hear, database, monkeypatch
):
    await hear(opened())
    counts = []
    named = (f"v{n}" for n in count())
    of_one_part = (each for each in named if database.part_for(each) is database.parts[0])
    for size in (1, 20):
        asked = [a_request(viewer, "lea") for viewer in islice(of_one_part, size)]
        with rows_returned(monkeypatch) as statements:
            await take_in(database, *asked, anybody=False)
        counts.append(len(statements))

    assert counts[0] == counts[1]


async def test_rules_without_a_room_are_read_too(hear, database, refusal):
    async with database.reference.transaction() as tx:
        await creators.set_rules(tx, "lea", CreatorRules(gifts_off=True), by="lea")

    token = a_target_token(room=None)

    assert await refusal(room=None, target_token=token) == "gifts-off"


async def test_a_block_ends_by_itself(hear, database, refusal):
    await hear(opened())
    now = datetime.now(UTC)
    async with database.reference.transaction() as tx:
        await creators.block(tx, "lea", "mira", now + timedelta(hours=1), by="lea")
    assert await refusal() == "blocked"
    async with database.reference.transaction() as tx:
        await creators.block(tx, "lea", "mira", now - timedelta(seconds=1), by="lea")

    assert await refusal() is None
