"""Taps in a row add up to one combo: each is charged and told once, and the end is told once."""

import asyncio
import random
from uuid import UUID, uuid4

import pytest

from services.gift import consumers
from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.combos import end_combos
from services.gift.commands.outcomes import apply_outcomes
from services.gift.commands.requests import repeat_requests, request_gifts
from services.gift.store import admissions
from shared.contracts.envelope import Envelope
from shared.contracts.wallet import GiftPaid
from shared.postgres.statements import text
from tests.deliveries import a_broker, a_delivery, announced, forget_inbox
from tests.gift.conftest import CATALOGUE, PEBBLE, a_request, paid, refused, take_in
from tests.parts import in_every_part


async def rows(database, statement):
    async with database.transaction() as tx:
        return [dict(row) for row in await tx.execute(text(statement))]


async def counts(database):
    sent = await announced(database, "gift.sent")
    return [(fact["repeat_count"], fact["combo_coins"]) for fact in sent]


async def test_twenty_taps_count_to_twenty_and_end_once(tap, wallet_says, database, pass_time):
    """Example 1 of the field: sum what each cost, show what they came to."""
    gifts = [await tap() for _ in range(20)]
    for gift in gifts:
        await wallet_says(paid(gift["gift"], coins=1))
    await pass_time(5)
    await pass_time(5)

    sent = await announced(database, "gift.sent")
    assert [fact["repeat_count"] for fact in sent] == list(range(1, 21))
    assert [fact["combo_coins"] for fact in sent] == list(range(1, 21))
    assert sum(fact["coins"] for fact in sent) == 20
    assert {(fact["mode"], fact["repeat_end"]) for fact in sent} == {("streak", False)}
    (ended,) = await announced(database, "gift.combo_ended")
    assert (ended["gifts"], ended["repeat_count"], ended["combo_coins"]) == (20, 20, 20)
    assert (ended["display_name"], ended["tier"]) == ("Pebble Heart", "spark")
    assert {fact["combo"] for fact in sent} == {ended["combo"]} == {gifts[0]["combo"]}


async def test_a_request_for_several_counts_them_all(tap, wallet_says, database):
    first, second = await tap(count=5), await tap(count=2)
    await wallet_says(paid(first["gift"], coins=5), paid(second["gift"], coins=2))

    assert await counts(database) == [(5, 5), (7, 7)]


async def test_what_is_refused_in_between_is_not_counted(tap, wallet_says, database, pass_time):
    gifts = [(await tap())["gift"] for _ in range(3)]
    await wallet_says(paid(gifts[0], coins=1), refused(gifts[1], coins=1), paid(gifts[2], coins=1))
    await pass_time(5)

    assert await counts(database) == [(1, 1), (2, 2)]
    (no,) = await announced(database, "gift.refused")
    (ended,) = await announced(database, "gift.combo_ended")
    assert no["combo"] == ended["combo"]
    assert (ended["gifts"], ended["repeat_count"]) == (2, 2)


async def test_a_combo_of_which_nothing_was_sent_ends_silently(
    tap, wallet_says, database, pass_time
):
    gifts = [(await tap())["gift"] for _ in range(2)]
    await wallet_says(*(refused(gift, coins=1) for gift in gifts))
    await pass_time(5)

    assert await announced(database, "gift.combo_ended") == []
    assert len(await rows(database, "SELECT FROM combos WHERE ended_at IS NOT NULL")) == 1


async def test_outcomes_count_in_their_own_order(tap, wallet_says, database):
    first, second, third = [(await tap(count=number))["gift"] for number in (1, 2, 3)]
    await wallet_says(paid(third, coins=3))
    await wallet_says(paid(second, coins=2), paid(first, coins=1))

    told = {fact["gift"]: fact["repeat_count"] for fact in await announced(database, "gift.sent")}
    assert told == {third: 3, second: 5, first: 6}


async def test_a_late_gift_starts_a_combo_of_its_own(tap, wallet_says, database, pass_time):
    """Nobody has ended the first yet: the late gift does, before it is asked for."""
    early = await tap()
    await wallet_says(paid(early["gift"], coins=1))
    await pass_time(5, end=False)

    late = await tap()
    await wallet_says(paid(late["gift"], coins=1))
    await pass_time(5)

    assert late["combo"] != early["combo"]
    assert await counts(database) == [(1, 1), (1, 1)]
    ended = await announced(database, "gift.combo_ended")
    assert [fact["combo"] for fact in ended] == [early["combo"], late["combo"]]


async def test_a_gift_in_time_goes_on_with_its_combo(tap, wallet_says, database, pass_time):
    early = await tap()
    await wallet_says(paid(early["gift"], coins=1))
    await pass_time(3)

    in_time = await tap()
    await pass_time(3)

    assert in_time["combo"] == early["combo"]
    assert await announced(database, "gift.combo_ended") == []


async def test_an_open_gift_keeps_its_combo_from_ending(tap, wallet_says, database, pass_time):
    first = await tap()
    await pass_time(60)
    second = await tap()
    assert second["combo"] == first["combo"]
    await wallet_says(paid(second["gift"], coins=1))
    await pass_time(60)
    assert await announced(database, "gift.combo_ended") == []

    await wallet_says(paid(first["gift"], coins=1))
    await pass_time(0)

    assert len(await announced(database, "gift.combo_ended")) == 1


@pytest.mark.parametrize(
    "other", [{"creator": "otto"}, {"room": "room-2"}, {"anonymous": True}, {"gift_type": "g_tea"}]
)
async def test_only_the_same_gift_in_the_same_place_joins(tap, other):
    """An anonymous gift in a named combo would say who gave it."""
    assert (await tap())["combo"] != (await tap(**other))["combo"]


@pytest.mark.parametrize("body", [{"gift_type": "g_snow"}, {"room": None}])
async def test_single_gifts_and_gifts_outside_of_rooms_stand_alone(
    tap, wallet_says, database, body
):
    gift = await tap(**body)
    await wallet_says(paid(gift["gift"], coins=gift["coins"]))

    (sent,) = await announced(database, "gift.sent")
    assert (gift["combo"], sent["combo"], sent["repeat_end"], sent["repeat_count"]) == (None,) * 4
    assert await rows(database, "SELECT FROM combos") == []


async def test_a_repeated_request_is_one_tap(ask, wallet_says, database, mira):
    key = str(uuid4())
    answers = await asyncio.gather(*(ask(key=key, **PEBBLE) for _ in range(10)))
    answers.append(await ask(key=key, **PEBBLE))

    (combo,) = await rows(database, "SELECT id, open_gifts FROM combos")
    assert combo["open_gifts"] == 1
    assert {answer.json()["combo"] for answer in answers} == {str(combo["id"])}
    gift = answers[0].json()["gift"]
    await wallet_says(paid(gift, coins=1))
    await forget_inbox(database)
    await wallet_says(paid(gift, coins=1), paid(gift, coins=1))
    seen = (await mira.get(f"/v1/gifts/{gift}")).json()
    assert (seen["combo"], seen["repeat_count"], seen["combo_coins"]) == (str(combo["id"]), 1, 1)
    assert await counts(database) == [(1, 1)]


async def test_a_held_down_button_costs_few_transactions(tap, database):
    gifts = await asyncio.gather(*(tap() for _ in range(50)))

    assert len({gift["combo"] for gift in gifts}) == 1
    written = "SELECT count(DISTINCT xmin::text) AS n FROM gifts"
    (found,) = await rows(database.part_for("mira"), written)
    assert found["n"] <= 5


async def test_a_question_asked_again_names_the_same_combo(tap, database):
    gift = await tap()
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(
            text("UPDATE open_gifts SET last_requested_at = now() - interval '11 minutes'")
        )
    async with database.part_for("mira").transaction() as tx:
        await repeat_requests(tx)

    asked = await announced(database, "gift.requested")
    assert [fact["combo"] for fact in asked] == [gift["combo"]] * 2


async def crash_after(database, work):
    """Do something, and lose it before it is committed."""
    async with database.part_for("mira").transaction() as tx:
        await work(tx)
        raise RuntimeError


async def test_a_crash_while_asking_or_settling_counts_nothing(database, pass_time):
    """Whatever was done before the crash is done again by whoever asks, or hears, again."""
    request = a_request("mira", "lea")
    event = paid(request.gift, coins=1)
    heard = Envelope[GiftPaid].model_validate_json(a_delivery(event).body)

    async def ask_for_it(tx):
        known = await admissions.read(tx, [request.priced.details])
        await request_gifts(tx, [request], known, CATALOGUE, anybody_may_receive=True)

    async def decide_it(tx):
        await apply_outcomes(tx, [heard], catalogue=CATALOGUE, resolve=lambda _: None)

    for work in (ask_for_it, decide_it):
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await crash_after(database, work)
        async with database.part_for("mira").transaction() as tx:
            await work(tx)
    await pass_time(5)

    assert await counts(database) == [(1, 1)]
    (ended,) = await announced(database, "gift.combo_ended")
    assert (ended["gifts"], ended["repeat_count"]) == (1, 1)


async def test_two_instances_share_one_combo_and_never_deadlock(database, instances, pass_time):
    """Both ask and settle at once, for the same four combos in different orders."""
    pairs = [(viewer, creator) for viewer in ("mira", "otto") for creator in ("lea", "ida")]
    shuffle = random.Random(5)

    async def live(instance):
        outcomes, *_ = consumers.build(
            instance,
            a_broker("gift"),
            catalogue_cache=CatalogueCache(instance, CATALOGUE),
            resolve=lambda _: None,
        )

        async def taps():
            requests = [a_request(*pair) for pair in pairs for _ in range(3)]
            shuffle.shuffle(requests)
            await take_in(instance, *requests)
            shuffle.shuffle(requests)
            for start in range(0, len(requests), 6):
                batch = requests[start : start + 6]
                events = [
                    paid(each.gift, viewer=each.priced.details.viewer, coins=1) for each in batch
                ]
                await outcomes.receive([a_delivery(event) for event in events])

        for _ in range(8):
            await asyncio.gather(taps(), taps())

    await asyncio.gather(*map(live, instances))
    await pass_time(5)

    sent = await announced(database, "gift.sent")
    ended = await announced(database, "gift.combo_ended")
    assert len(sent) == 4 * 96
    assert [fact["repeat_count"] for fact in ended] == [96] * 4
    for pair in pairs:
        mine = [fact["repeat_count"] for fact in sent if (fact["viewer"], fact["creator"]) == pair]
        assert sorted(mine) == list(range(1, 97))
    (seen,) = await rows(
        database, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    assert seen["deadlocks"] == 0


async def test_two_instances_that_end_combos_end_each_once(tap, wallet_says, database, instances):
    for number in range(20):
        gift = await tap(room=f"room-{number}")
        await wallet_says(paid(gift["gift"], coins=1))
    await in_every_part(database, "UPDATE combos SET last_requested_at = now() - interval '9 s'")

    async def end(instance):
        async with instance.part_for("mira").transaction() as tx:
            await end_combos(tx, CATALOGUE)

    await asyncio.gather(*(end(instance) for instance in instances for _ in range(4)))

    assert (
        len({UUID(fact["combo"]) for fact in await announced(database, "gift.combo_ended")}) == 20
    )
