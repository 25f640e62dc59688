"""What the gift service counts: keys by what they turned out to be, gifts that wait, old news."""

import asyncio

from services.gift.store.in_flight import IN_FLIGHT
from shared.backoffice.in_flight import measure
from shared.contracts.wallet import LotRestored, LotReversed
from shared.postgres.statements import text
from tests.gift.conftest import paid
from tests.gift.test_reversals import said
from tests.metrics import keys_counted, metric, since

ROUTE = "/v1/gifts"


async def test_each_key_counts_once_as_what_it_was(ask):
    before = keys_counted(ROUTE)

    await ask(key="key")
    await ask(key="key")
    await ask(key="key", count=2)
    await asyncio.gather(*(ask(key="at once") for _ in range(5)))

    assert since(before, keys_counted(ROUTE)) == [2, 5, 1, 0]


async def test_gifts_that_wait_too_long_are_overdue(ask, wallet_says, database):
    """Three are asked for, one is answered, one is as old as a lost message makes it."""
    first, old, _ = [(await ask()).json()["gift"] for _ in range(3)]
    await wallet_says(paid(first))
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(
            text("UPDATE open_gifts SET requested_at = now() - interval '1 hour' WHERE gift = :id"),
            {"id": old},
        )
    for in_flight in IN_FLIGHT:
        await measure(database, in_flight)

    assert metric("ovation_in_flight", type="gift", state="requested") == 2
    assert metric("ovation_in_flight_overdue", type="gift") == 1


async def test_what_waits_no_more_is_counted_no_more(ask, wallet_says, database):
    gift = (await ask()).json()["gift"]
    await measure(database, IN_FLIGHT[0])
    assert metric("ovation_in_flight", type="gift", state="requested") == 1

    await wallet_says(paid(gift))
    await measure(database, IN_FLIGHT[0])

    assert metric("ovation_in_flight", type="gift", state="requested") == 0


async def test_an_older_revision_counts_as_stale(ask, wallet_says):
    gift = (await ask()).json()["gift"]
    about = {"queue": "gift.reversals", "type": LotReversed.type()}
    before = [outcomes(**about, outcome=each) for each in ("applied", "stale")]
    await wallet_says(paid(gift))

    await wallet_says(said(LotRestored, 2, {gift: 0}))
    await wallet_says(said(LotReversed, 1, {gift: 5}))

    assert since(before, [outcomes(**about, outcome=each) for each in ("applied", "stale")]) == [
        0,
        1,
    ]


def outcomes(**labels):
    return metric("ovation_consumer_messages_total", **labels)
