"""Webhook events and answers that come together are written together, and decided each alone."""

import asyncio
from uuid import UUID

import pytest

from deploy.config.databases import run_sql
from services.purchase.commands.changes import PolledStatus
from services.purchase.commands.payments import apply_statuses
from services.purchase.commands.purchase_ids import part_with
from services.purchase.commands.queries import read_purchase
from services.purchase.commands.webhook_events import match_purchases, store_webhook_events
from shared.postgres.database import Database
from shared.postgres.statements import text
from tests.deliveries import announced
from tests.parts import neighbours, schema_for
from tests.purchase.pretend import a_webhook

# The database refuses whatever one viewer's purchase would become.
POISON = (
    """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE serialization_failure; END $$
    """,
    """
    CREATE TRIGGER poisoned BEFORE UPDATE ON {poisoned}
    FOR EACH ROW WHEN (NEW.viewer = '{viewer}') EXECUTE FUNCTION refuse()
    """,
)
LOCK = text("SELECT FROM purchases WHERE id = :id FOR UPDATE")


@pytest.fixture
def polled(database, provider, pretend):
    """Ask the provider about a purchase, as it is now."""

    async def ask(made, *, viewer="mira"):
        async with database.part_for(viewer).transaction() as tx:
            purchase = await read_purchase(tx, viewer, UUID(made))
        return PolledStatus(purchase, await provider.read(pretend.payment_of(made)["id"]))

    return ask


@pytest.fixture
def apply(database):
    """Apply statuses in one transaction."""

    async def apply_all(*statuses):
        part = database.part_for(statuses[0].purchase.viewer)
        async with part.transaction() as tx:
            return await apply_statuses(tx, statuses)

    return apply_all


@pytest.fixture
async def pay_together(database, pretend, pay):
    """Pay purchases so that all but the first are applied in one batch; return the answers."""
    # Sessions of its own: a part has few.
    other = Database(database.url, part_count=database.part_count)

    async def pay_all(first, *others):
        async def asked(count):
            async with asyncio.timeout(60):
                while len(pretend.asked) < count:
                    await asyncio.sleep(0.01)

        before = len(pretend.asked)
        async with part_with(other, UUID(first)).transaction() as tx:
            # The first one waits for this lock, and the others for the batch of the first.
            await tx.execute(LOCK, {"id": UUID(first)})
            paying = [asyncio.create_task(pay(first))]
            await asked(before + 1)
            paying += [asyncio.create_task(pay(each)) for each in others]
            await asked(before + 1 + len(others))
        return await asyncio.gather(*paying)

    yield pay_all
    await other.close()


async def test_statuses_of_many_purchases_are_applied_in_one_transaction(
    bought, pretend, polled, apply, rows, database, violations
):
    viewers = neighbours(database, 4)
    made = {viewer: await bought(viewer=viewer) for viewer in viewers}
    pretend.become(made[viewers[0]], "cancelled")
    for viewer in viewers[1:3]:
        pretend.become(made[viewer], "succeeded")

    statuses = [await polled(purchase, viewer=viewer) for viewer, purchase in made.items()]
    results = await apply(*statuses[::-1])

    assert [each.is_used for each in results] == [True] * 4
    assert [each.purchase.id for each in results] == [each.purchase.id for each in statuses[::-1]]
    known = {row["viewer"]: row["state"] for row in await rows("SELECT * FROM purchases")}
    assert [known[viewer] for viewer in viewers] == ["failed", "paid", "paid", "pending"]
    assert len(await rows("SELECT * FROM payments")) == 2
    assert sorted(fact["name"] for fact in await announced(database)) == [
        "purchase.failed",
        "purchase.paid",
        "purchase.paid",
    ]
    assert await violations() == []


async def test_two_answers_about_one_purchase_in_a_batch_are_applied_one_after_the_other(
    bought, pretend, polled, apply, event_names, rows, balances
):
    purchase, other = await bought(), await bought(key="other")
    pretend.become(purchase, "succeeded")
    paid = await polled(purchase)
    pretend.dispute(purchase)
    disputed = await polled(purchase)
    again = await polled(purchase)

    results = await apply(paid, await polled(other), disputed, again)

    assert [each.is_used for each in results] == [True, True, True, True]
    assert await event_names() == ["disputed"]
    (known,) = await rows("SELECT version FROM purchases WHERE state = 'paid'")
    assert known["version"] == 2
    assert await balances() == {"coin_sales": -99, "dispute_loss": 99}


async def test_an_older_answer_in_a_batch_is_not_used(bought, pretend, polled, apply, event_names):
    purchase = await bought()
    older = await polled(purchase)
    pretend.become(purchase, "succeeded")
    pretend.dispute(purchase)

    results = await apply(await polled(purchase), older)

    assert [each.is_used for each in results] == [True, False]
    assert await event_names() == ["disputed"]


async def test_a_poisonous_answer_fails_alone(
    *, bought, pay_together, database, postgres, rows, wait
):
    viewers = neighbours(database, 4)
    first, ann, poison, bob = viewers
    made = [await bought(viewer=viewer) for viewer in viewers]
    poisoned = f"{schema_for(database, first)}.purchases"
    run_sql(
        postgres.dsn(database.name),
        [each.format(poisoned=poisoned, viewer=poison) for each in POISON],
    )

    answers = await pay_together(*made)

    assert [answer.status_code for answer in answers] == [200, 200, 409, 200]
    paid = await rows("SELECT viewer FROM purchases WHERE state = 'paid'")
    assert {row["viewer"] for row in paid} == {first, ann, bob}
    # It is stored, and polled again.
    run_sql(postgres.dsn(database.name), [f"DROP TRIGGER poisoned ON {poisoned}"])
    await wait()
    assert len(await rows("SELECT viewer FROM purchases WHERE state = 'paid'")) == len(viewers)


async def test_one_webhook_event_twice_in_a_batch_is_polled_once(
    bought, pretend, provider, database, rows
):
    purchase = await bought()
    headers, body = a_webhook(pretend.payment_of(purchase))
    (event,) = await provider.parse_webhook(headers, body)
    headers, body = a_webhook(pretend.make(reference="an order of another shop"))
    (foreign,) = await provider.parse_webhook(headers, body)

    matched = await match_purchases(database, [event, foreign])
    async with database.reference.transaction() as tx:
        found = await store_webhook_events(tx, [event, foreign, event], matched)
    async with database.reference.transaction() as tx:
        again = await store_webhook_events(tx, [foreign, event], matched)

    assert [each and str(each.id) for each in found] == [purchase, None, None]
    assert again == [None, None]
    assert len(await rows("SELECT * FROM webhook_events")) == 2
