"""Webhook events and answers that come together are written together, and decided each alone."""

import asyncio
from uuid import UUID

import pytest

from deploy.config.databases import run_sql
from services.purchase.commands.changes import PolledStatus
from services.purchase.commands.payments import apply_statuses
from services.purchase.commands.queries import read_purchase
from services.purchase.commands.webhook_events import store_webhook_events
from shared.postgres.statements import text
from tests.deliveries import announced
from tests.purchase.pretend import a_webhook

# The database refuses whatever one viewer's purchase would become.
POISON = (
    """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE serialization_failure; END $$
    """,
    """
    CREATE TRIGGER poisoned BEFORE UPDATE ON purchases
    FOR EACH ROW WHEN (NEW.viewer = 'poison') EXECUTE FUNCTION refuse()
    """,
)
LOCK = text("SELECT FROM purchases WHERE id = :id FOR UPDATE")


@pytest.fixture
def polled(database, provider, pretend):
    """Ask the provider about a purchase, as it is now."""

    async def ask(made, *, viewer="mira"):
        async with database.transaction() as tx:
            purchase = await read_purchase(tx, viewer, UUID(made))
        return PolledStatus(purchase, await provider.read(pretend.payment_of(made)["id"]))

    return ask


@pytest.fixture
def apply(database):
    """Apply statuses in one transaction."""

    async def apply_all(*statuses):
        async with database.transaction() as tx:
            return await apply_statuses(tx, statuses)

    return apply_all


@pytest.fixture
def pay_together(database, pretend, pay):
    """Pay purchases so that all but the first are applied in one batch; return the answers."""

    async def pay_all(first, *others):
        async def asked(count):
            async with asyncio.timeout(60):
                while len(pretend.asked) < count:
                    await asyncio.sleep(0.01)

        before = len(pretend.asked)
        async with database.transaction() as tx:
            # The first one waits for this lock, and the others for the batch of the first.
            await tx.execute(LOCK, {"id": UUID(first)})
            paying = [asyncio.create_task(pay(first))]
            await asked(before + 1)
            paying += [asyncio.create_task(pay(each)) for each in others]
            await asked(before + 1 + len(others))
        return await asyncio.gather(*paying)

    return pay_all


async def test_statuses_of_many_purchases_are_applied_in_one_transaction(
    bought, pretend, polled, apply, rows, database, violations
):
    made = {f"viewer-{number}": await bought(viewer=f"viewer-{number}") for number in range(4)}
    pretend.become(made["viewer-0"], "cancelled")
    for viewer in ("viewer-1", "viewer-2"):
        pretend.become(made[viewer], "succeeded")

    statuses = [await polled(purchase, viewer=viewer) for viewer, purchase in made.items()]
    results = await apply(*statuses[::-1])

    assert [is_used for _, is_used in results] == [True] * 4
    assert [purchase.id for purchase, _ in results] == [each.purchase.id for each in statuses[::-1]]
    known = await rows("SELECT viewer, state FROM purchases ORDER BY viewer")
    assert [row["state"] for row in known] == ["failed", "paid", "paid", "pending"]
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

    assert [is_used for _, is_used in results] == [True, True, True, True]
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

    assert [is_used for _, is_used in results] == [True, False]
    assert await event_names() == ["disputed"]


async def test_a_poisonous_answer_fails_alone(
    *, bought, pay_together, database, postgres, rows, wait
):
    viewers = ["first", "ann", "poison", "bob"]
    made = [await bought(viewer=viewer) for viewer in viewers]
    run_sql(postgres.dsn(database.name), POISON)

    answers = await pay_together(*made)

    assert [answer.status_code for answer in answers] == [200, 200, 409, 200]
    paid = await rows("SELECT viewer FROM purchases WHERE state = 'paid' ORDER BY viewer")
    assert [row["viewer"] for row in paid] == ["ann", "bob", "first"]
    # It is stored, and polled again.
    run_sql(postgres.dsn(database.name), ["DROP TRIGGER poisoned ON purchases"])
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

    async with database.transaction() as tx:
        found = await store_webhook_events(tx, [event, foreign, event])
    async with database.transaction() as tx:
        again = await store_webhook_events(tx, [foreign, event])

    assert [each and str(each.id) for each in found] == [purchase, None, None]
    assert again == [None, None]
    assert len(await rows("SELECT * FROM webhook_events")) == 2
