"""Webhooks that never arrived: the provider's list of them is read, as far as there is one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.purchase import jobs
from services.purchase.commands import backfills
from services.purchase.domain.backfills import WINDOW_MAX, Backfill, BackfillPlan, has_gap
from services.purchase.domain.purchases import WebhookEvent
from services.purchase.providers import ProviderUnavailable
from services.purchase.providers.sandbox import SandboxProvider
from services.purchase.store.in_flight import IN_FLIGHT
from shared.backoffice.in_flight import measure
from shared.postgres.statements import text
from tests.metrics import metric
from tests.purchase.pretend import WEBHOOK_SECRET

PLAN = BackfillPlan(timedelta(0), overlap=timedelta(hours=1))
NOW = datetime(2026, 11, 29, tzinfo=UTC)
LISTS_FOR = timedelta(days=30)


class ListingProvider(SandboxProvider):
    """A provider that lists its events; of an event that it forgot it gives no list at all."""

    lists_events_for = LISTS_FOR

    def __init__(self, **about):
        super().__init__(**about)
        self.listed = []
        self.asked = []
        self.broken_at = None

    async def missed(self, since, until):
        self.asked.append((since, until))
        for at, event in self.listed:
            if since <= at <= until:
                yield event
        if self.broken_at is not None and since <= self.broken_at <= until:
            raise ProviderUnavailable("it forgot")


@pytest.fixture
async def provider(provider_url):
    opened = ListingProvider(url=provider_url, api_key="key", webhook_secret=WEBHOOK_SECRET)
    yield opened
    await opened.close()


@pytest.fixture
def backfill(database, providers):
    return lambda plan=PLAN: jobs.backfill_due(database, providers, plan)


@pytest.fixture
def missed_of(pretend):
    """Return an event about a purchase's payment, which is never sent."""

    def event(purchase, webhook_id="msg_1"):
        payment = pretend.payment_of(purchase)["id"]
        return WebhookEvent("sandbox", webhook_id, "payment.succeeded", b"", payment, purchase)

    return event


@pytest.fixture
def covered(rows):
    async def read():
        (row,) = await rows("SELECT covered_until FROM backfills")
        return row["covered_until"]

    return read


def ago(**time):
    return datetime.now(UTC) - timedelta(**time)


async def test_a_webhook_that_never_arrived_pays_its_purchase(
    bought, pretend, provider, backfill, wait, read, missed_of
):
    purchase = await bought()
    pretend.become(purchase, "succeeded")
    provider.listed = [(ago(minutes=5), missed_of(purchase))]
    before = metric("ovation_webhook_events_missed_total", provider="sandbox")

    await backfill()
    await wait()

    assert (await read(purchase))["state"] == "paid"
    assert metric("ovation_webhook_events_missed_total", provider="sandbox") == before + 1


async def test_what_arrived_is_not_missed_however_often_it_is_listed(
    *, bought, send_webhook, provider, backfill, rows, missed_of
):
    purchase = await bought()
    await send_webhook(purchase, webhook_id="msg_1")
    provider.listed = [(ago(minutes=5), missed_of(purchase))]
    before = metric("ovation_webhook_events_missed_total", provider="sandbox")

    await backfill()
    await backfill()

    assert metric("ovation_webhook_events_missed_total", provider="sandbox") == before
    assert len(await rows("SELECT 1 FROM webhook_events")) == 1


async def test_a_webhook_that_comes_after_it_was_found_in_the_list_changes_nothing(
    *, bought, pretend, send_webhook, provider, backfill, wait, event_names, rows, missed_of
):
    purchase = await bought()
    pretend.become(purchase, "succeeded")
    provider.listed = [(ago(minutes=5), missed_of(purchase))]
    await backfill()
    await wait()

    assert (await send_webhook(purchase, webhook_id="msg_1")).status_code == 200

    assert len(await rows("SELECT 1 FROM payments")) == 1
    assert await event_names() == []


async def test_without_an_answer_only_the_time_before_counts_as_read(
    bought, provider, backfill, rows, covered, missed_of
):
    purchase = await bought()
    provider.broken_at = ago(hours=30)
    provider.listed = [
        (ago(hours=40), missed_of(purchase, "msg_1")),
        (ago(hours=30), missed_of(purchase, "msg_2")),
        (ago(hours=20), missed_of(purchase, "msg_3")),
    ]

    await backfill()

    stored = await rows("SELECT webhook_id FROM webhook_events ORDER BY webhook_id")
    assert [each["webhook_id"] for each in stored] == ["msg_1"]
    assert ago(hours=31) - WINDOW_MAX < await covered() <= provider.broken_at

    provider.broken_at = None
    await backfill()

    assert len(await rows("SELECT 1 FROM webhook_events")) == 3
    assert await covered() > ago(minutes=3)


async def test_the_next_turn_goes_on_where_the_last_one_ended(provider, backfill, covered):
    await backfill()
    first, provider.asked = await covered(), []

    await backfill()

    assert provider.asked[0][0] == first - PLAN.overlap
    assert await covered() > first


async def test_a_turn_comes_once_in_its_time(provider, backfill):
    often = replace(PLAN, every=timedelta(minutes=10))
    await backfill(often)
    asked = list(provider.asked)

    await backfill(often)

    assert provider.asked == asked


async def test_a_provider_that_is_not_installed_waits_with_its_time(
    database, provider, backfill, rows
):
    await backfill()
    (before,) = await rows("SELECT covered_until FROM backfills")

    await jobs.backfill_due(database, {}, PLAN)
    assert await rows("SELECT 1 FROM backfills WHERE next_check_at IS NOT NULL") == []
    assert await rows("SELECT covered_until FROM backfills") == [before]

    provider.asked = []
    await backfill()

    assert provider.asked[0][0] == before["covered_until"] - PLAN.overlap


async def test_a_list_that_cannot_be_read_for_hours_is_overdue(database, provider, backfill, rows):
    (monitor,) = [each for each in IN_FLIGHT if each.type == "backfill"]
    await backfill()
    provider.broken_at = datetime.now(UTC)
    async with database.reference.transaction() as tx:
        await tx.execute(
            text("UPDATE backfills SET covered_until = now() - make_interval(hours => 3)")
        )
        provider.broken_at = ago(hours=3)
    await backfill()

    await measure(database, monitor)

    assert metric("ovation_in_flight_overdue", type="backfill") == 1
    assert len(await rows("SELECT 1 FROM backfills")) == 1


async def test_a_provider_without_a_list_is_not_asked_for_one(database, pretend, rows):
    plain = {"sandbox": SandboxProvider(url="http://x", api_key="k", webhook_secret=WEBHOOK_SECRET)}

    assert await jobs.backfill_due(database, plain, PLAN) is False

    assert await rows("SELECT 1 FROM backfills") == []
    assert pretend.asked == []


async def test_events_of_one_list_are_stored_a_hundred_at_a_time(
    bought, provider, backfill, rows, missed_of, monkeypatch
):
    sizes = []
    store = backfills.store_missed_events

    async def store_and_note(database, events):
        sizes.append(len(events))
        await store(database, events)

    monkeypatch.setattr(backfills, "store_missed_events", store_and_note)
    purchase, at = await bought(), ago(minutes=5)
    provider.listed = [(at, missed_of(purchase, f"msg_{number}")) for number in range(250)]

    await backfill()

    assert sizes == [100, 100, 50]
    assert len(await rows("SELECT 1 FROM webhook_events")) == 250


MINUTES = st.integers(0, 60 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


@given(age=MINUTES, overlap=st.integers(0, 1_440), grace=st.integers(0, 60))
def test_all_times_that_were_not_read_are_read_in_short_pieces_without_holes(age, overlap, grace):
    plan = BackfillPlan(
        timedelta(0), overlap=timedelta(minutes=overlap), grace=timedelta(minutes=grace)
    )
    backfill = Backfill("stripe", NOW - age)

    windows = list(plan.windows(backfill, lists_for=LISTS_FOR, now=NOW))

    for (_, end), (start, _) in pairwise(windows):
        assert end == start
    assert all(timedelta(0) < end - start <= WINDOW_MAX for start, end in windows)
    if windows:
        assert windows[0][0] >= NOW - LISTS_FOR
        assert windows[0][0] <= max(backfill.covered_until, NOW - LISTS_FOR)
        assert windows[-1][1] == NOW - plan.grace
    else:
        assert NOW - plan.grace <= backfill.covered_until
    # What the provider lists no more cannot be read, and that is said.
    is_lost = backfill.covered_until < NOW - LISTS_FOR
    assert has_gap(backfill, lists_for=LISTS_FOR, now=NOW) is is_lost
