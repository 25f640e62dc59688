"""A gift's id is random, and the stored gift is the memory of its key."""

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4, uuid5

from services.gift.main import build_http
from shared.contracts.base import NAMESPACE
from shared.idempotency import KeyReused
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
from tests.gift.conftest import a_request, paid, take_in

BODY = {"gift_type": "g_tea", "creator": "lea", "room": "room-1", "anonymous": True}


def as_it_was(viewer, key):
    """The id that a gift of this viewer and key had before ids were random."""
    return uuid5(NAMESPACE, f"gift\n{viewer}\n{key}")


def guesses(value):
    """What a stranger can compute who knows the viewers and tries likely keys."""
    for viewer in ("mira", "jonas", "aiko", "tomas", "kim"):
        for number in range(900, 1_100):
            key = f"order-{number}"
            for joined in (f"gift\n{viewer}\n{key}", f"gift|{viewer}|{key}", f"{viewer}|{key}"):
                yield uuid5(NAMESPACE, joined) == value


async def test_nobody_computes_the_id_of_a_gift_from_who_gave_it_under_which_key(ask):
    answer = await ask(key="order-1002", anonymous=True)

    assert not any(guesses(UUID(answer.json()["gift"])))


async def test_a_key_that_is_used_twenty_times_at_once_in_two_instances_is_one_gift(
    app, database, catalogue_cache, pending_replies
):
    other = build_http(
        database, a_verifier(), catalogue_cache, pending_replies, anybody_may_receive=True
    )
    headers = {"Idempotency-Key": "order-1002", "Prefer": "respond-async"}

    async with client_of(app, a_token("mira")) as one, client_of(other, a_token("mira")) as two:
        answers = await asyncio.gather(
            *(client.post("/v1/gifts", json=BODY, headers=headers) for client in [one, two] * 10)
        )

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["gift"] for answer in answers}) == 1
    assert len(await announced(database, "gift.requested")) == 1


async def test_one_key_twice_in_a_batch_is_one_gift_and_another_body_is_refused(database):
    first = replace(a_request("mira", "lea"), idempotency_key="k")
    again, other = replace(first, gift=uuid4()), replace(first, gift=uuid4(), request_hash=b"new")

    gift, same, refused = await take_in(database, first, again, other)

    assert gift == same
    assert isinstance(refused, KeyReused)
    assert refused.facts["gift"] == gift.id
    assert len(await announced(database, "gift.requested")) == 1


async def test_the_same_key_of_another_viewer_is_another_gift(database):
    mine = replace(a_request("mira", "lea"), idempotency_key="k")
    others = replace(a_request("jonas", "lea"), idempotency_key="k")

    first, second = await take_in(database, mine, others)

    assert first.id != second.id
    assert (first.viewer, second.viewer) == ("mira", "jonas")


async def test_a_gift_whose_id_followed_from_its_key_is_still_found_by_it(
    app, database, wallet_says
):
    """A version before wrote its row: the row is found by its key, and keeps its id."""
    old = as_it_was("mira", "order-1002")
    written = replace(a_request("mira", "lea"), idempotency_key="order-1002", gift=old)
    await take_in(database, written)
    await wallet_says(paid(old))

    (found,) = await take_in(database, replace(written, gift=uuid4()))

    assert (found.id, found.state) == (old, "sent")
    async with client_of(app, a_token("mira")) as mira:
        reused = await mira.post("/v1/gifts", json=BODY, headers={"Idempotency-Key": "order-1002"})
    assert (reused.json()["code"], reused.json()["gift"]) == ("key-reused", str(old))


async def test_a_repeat_waits_for_the_outcome_of_the_first_request(ask, wallet_says):
    """The repeat has proposed an id of its own; the outcome comes under the stored one."""
    first = asyncio.create_task(ask(key="k", at_once=False))
    gift = None
    while gift is None:
        answer = await ask(key="k")
        gift = answer.json().get("gift")
    repeat = asyncio.create_task(ask(key="k", at_once=False))
    await asyncio.sleep(0.1)

    await wallet_says(paid(gift))

    for answer in (await first, await repeat):
        assert (answer.status_code, answer.json()["gift"]) == (201, gift)
