"""A payment that came is read again for months: a webhook about it may be lost for good."""

from datetime import UTC, datetime, timedelta

import pytest

from services.purchase import jobs
from services.purchase.commands.status_polls import StatusPolls
from services.purchase.domain.watches import RETRY_AFTER, WatchPlan
from services.purchase.providers.sandbox import SandboxProvider
from shared.postgres.database import Transaction
from tests.clients import served
from tests.metrics import metric
from tests.parts import in_every_part, neighbours
from tests.purchase.conftest import WATCH
from tests.purchase.pretend import WEBHOOK_SECRET, PretendProvider

VANISHED = {"kind": "payment-vanished"}


@pytest.fixture
def change(database):
    async def run(statement, **parameters):
        await in_every_part(database, statement, **parameters)

    return run


@pytest.fixture
def watch_in(rows):
    """In how much time the one purchase is read again; None if it is not."""

    async def read():
        ((watch_at,),) = [each.values() for each in await rows("SELECT watch_at FROM purchases")]
        return watch_at and watch_at - datetime.now(UTC)

    return read


@pytest.fixture
def paid_ago(change):
    """Let all purchases have been paid so long ago."""

    async def age(**time):
        await change(
            "UPDATE purchases SET paid_at = now() - CAST(:age AS interval)", age=timedelta(**time)
        )

    return age


@pytest.fixture
def reads(pretend):
    """How often payments were read since the last time."""

    def count():
        found = [each for each in pretend.asked if each[0] == "GET"]
        pretend.asked.clear()
        return len(found)

    return count


async def test_a_dispute_whose_webhook_is_lost_is_found(bought, pay, pretend, watch, event_names):
    purchase = await bought()
    await pay(purchase)
    pretend.dispute(purchase)

    await watch()

    assert await event_names() == ["disputed"]


async def test_a_refund_whose_webhook_is_lost_is_found(bought_in, pretend, watch, balances):
    purchase = await bought_in()
    pretend.payment_of(purchase)["refunded_minor"] = 200

    await watch()

    assert (await balances())["dispute_loss"] == 200


async def test_what_has_not_changed_changes_nothing(bought_in, watch, event_names, rows):
    await bought_in()
    before = await rows("SELECT version, state FROM purchases")

    await watch()
    await watch()

    assert await event_names() == []
    assert await rows("SELECT version, state FROM purchases") == before


async def test_a_purchase_is_read_after_a_day_and_then_weekly(bought, pay, watch, watch_in, reads):
    await pay(await bought())
    assert timedelta(hours=17) < await watch_in() < timedelta(hours=31)
    reads()

    await watch()

    assert reads() == 1
    assert timedelta(days=5) < await watch_in() < timedelta(days=9)


async def test_what_was_read_is_not_read_again_before_its_turn(
    *, database, providers, bought, pay, watch, reads
):
    await pay(await bought())
    await watch()
    reads()

    await jobs.watch_due(StatusPolls(database, providers), providers, WATCH)

    assert reads() == 0


async def test_a_watch_ends_with_a_last_look(*, bought, pay, watch, watch_in, paid_ago, reads):
    await pay(await bought())
    await paid_ago(days=118)
    await watch()
    # Not a week later, but when it ends.
    assert timedelta(days=1) < await watch_in() <= timedelta(days=2)
    await paid_ago(days=121)
    reads()

    await watch()

    assert reads() == 1
    assert await watch_in() is None


@pytest.mark.parametrize("mood", ["well", "silent"])
async def test_an_open_dispute_is_followed_until_its_bank_has_decided(
    *, bought, pay, pretend, watch, watch_in, paid_ago, event_names, mood
):
    purchase = await bought()
    await pay(purchase)
    pretend.dispute(purchase)
    await watch()
    assert await event_names() == ["disputed"]
    await paid_ago(days=200)

    pretend.mood = mood
    await watch()
    assert await watch_in() is not None

    pretend.mood = "well"
    pretend.dispute(purchase, "won")
    await watch()
    assert await event_names() == ["disputed", "dispute_closed"]
    assert await watch_in() is None


@pytest.mark.parametrize("state", ["created", "failed"])
async def test_what_was_not_paid_is_not_watched(bought, send_webhook, pretend, rows, state):
    purchase = await bought()
    if state == "failed":
        pretend.become(purchase, "cancelled")
        await send_webhook(purchase)

    assert await rows("SELECT 1 FROM purchases WHERE watch_at IS NOT NULL") == []


@pytest.mark.parametrize("mood", ["silent", "broken", "babbling"])
async def test_without_an_answer_it_is_read_the_next_day(
    *, bought, pay, pretend, watch, watch_in, event_names, mood
):
    purchase = await bought()
    await pay(purchase)
    pretend.dispute(purchase)
    pretend.mood = mood

    await watch()

    assert RETRY_AFTER - timedelta(minutes=5) < await watch_in() <= RETRY_AFTER
    pretend.mood = "well"
    await watch()
    assert await event_names() == ["disputed"]


async def test_a_payment_that_the_provider_has_forgotten_is_no_alarm(
    *, bought, pay, pretend, watch, paid_ago, watch_in, read
):
    purchase = await bought()
    await pay(purchase)
    payment = pretend.payments.pop(pretend.payment_of(purchase)["id"])
    before = metric("ovation_contradictions_total", **VANISHED)

    await watch()

    assert metric("ovation_contradictions_total", **VANISHED) == before
    assert (await read(purchase))["state"] == "paid"
    assert await watch_in() <= RETRY_AFTER
    await paid_ago(days=128)
    await watch()
    assert await watch_in() is None
    assert payment


@pytest.fixture
async def other(database):
    """A second provider, with purchases of its own."""
    pretend = PretendProvider()
    async with served(pretend) as url:
        opened = SandboxProvider(
            name="other", url=url, api_key="key", webhook_secret=WEBHOOK_SECRET
        )
        yield opened, pretend
        await opened.close()


async def test_a_turn_reads_so_many_of_each_provider(
    *, database, providers, other, bought, pay, change, pretend, rows, reads
):
    provider, its = other
    viewers = neighbours(database, 8)
    for viewer in viewers:
        await pay(await bought(viewer=viewer))
    await change(
        "UPDATE purchases SET provider = 'other' WHERE viewer = ANY(:viewers)", viewers=viewers[:2]
    )
    await change("UPDATE purchases SET watch_at = now() - interval '1 hour'")
    await change(
        "UPDATE purchases SET watch_at = now() - interval '9 hours' WHERE viewer = ANY(:viewers)",
        viewers=viewers[5:],
    )
    its.payments = {**pretend.payments}
    reads()
    both = {**providers, "other": provider}
    plan = WatchPlan(reads_per_minute=40)
    assert plan.reads_per_turn == 4

    await jobs.watch_due(StatusPolls(database, both), both, plan)

    # The other provider's two are not behind this one's six, of which the oldest come first.
    assert (reads(), len(its.asked)) == (4, 2)
    waiting = await rows("SELECT viewer FROM purchases WHERE watch_at < now()")
    assert len(waiting) == 2
    assert {each["viewer"] for each in waiting} < set(viewers[2:5])
    assert metric("ovation_watch_late_seconds") > 8 * 3600


async def test_a_turn_has_as_many_statements_for_many_purchases_as_for_one(
    *, database, providers, bought, pay, watch, monkeypatch, change
):
    viewers = neighbours(database, 5)
    for viewer in viewers:
        await pay(await bought(viewer=viewer))
    sent = []
    execute = Transaction.execute

    async def note(self, statement, *given):
        sent.append(statement)
        return await execute(self, statement, *given)

    monkeypatch.setattr(Transaction, "execute", note)
    monkeypatch.setattr(StatusPolls, "run", answer_at_once)

    await watch()
    many = len(sent)
    sent.clear()
    await change("UPDATE purchases SET watch_at = NULL WHERE viewer <> :one", one=viewers[0])
    sent.clear()
    await watch()

    # The test's own and a claim in each part; the end of the turn in one.
    assert len(sent) == many == 2 * len(database.parts) + 1


async def answer_at_once(_polls, poll):
    return poll.purchase


async def test_a_provider_that_is_not_installed_is_not_read_and_not_forgotten(
    *, database, bought, pay, change, watch_in
):
    await pay(await bought())
    await change("UPDATE purchases SET watch_at = now() - interval '1 hour'")

    await jobs.watch_due(StatusPolls(database, {}), {}, WATCH)

    assert await watch_in() < timedelta(0)
