"""One gift is one trace through every service, for people with a tracing backend."""

import secrets
import time

import pytest

from deploy.config.services import DATABASES
from deploy.harness.system import System
from shared.observability.tracing import LAST_SECONDS_MAX
from tests.journeys.collector import collecting
from tests.journeys.people import eventually, stage_on

WATCHED, UNWATCHED = "01", "00"
# So long a span waits for a collector that is silent; a request that waited for it took longer.
EXPORT_SECONDS_MAX = 10
OF_A_GIFT = {
    ("gift", "POST /v1/gifts"),
    ("gift", "publish gift.requested"),
    ("wallet", "process wallet.gifts"),
    ("wallet", "publish wallet.gift_paid"),
    ("gift", "process gift.outcomes"),
    ("gift", "publish gift.sent"),
    ("payout", "process payout.gifts"),
    ("payout", "publish payout.diamonds_earned"),
    ("live", "process live.gifts"),
}
OF_A_CHARGEBACK = {
    ("purchase", "POST /v1/webhooks/{provider}/payments"),
    ("purchase", "publish purchase.disputed"),
    ("wallet", "process wallet.money"),
    ("wallet", "publish wallet.lot_reversed"),
    ("gift", "process gift.reversals"),
    ("gift", "publish gift.reversed"),
    ("payout", "process payout.gifts"),
    ("payout", "publish payout.diamonds_clawed_back"),
    ("live", "process live.gifts"),
}


@pytest.fixture(scope="module")
def collector():
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def watched(collector):
    """A system that exports its traces; with a database of its own, for it will be stopped."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with System(fast=True) as system:
            yield system


@pytest.fixture
def stage(watched):
    with stage_on(watched) as stage:
        yield stage


@pytest.fixture
def mira(stage):
    """A viewer with coins."""
    mira = stage.person("mira", country="DE", age_verified=30)
    stage.buy(mira)
    return mira


@pytest.fixture
def lea(stage):
    return stage.person("lea", country="FR", age_verified=30)


def call_within(person, *, flags=WATCHED):
    """Let everything a person asks for be a part of a new trace of theirs; return its id."""
    trace = secrets.token_hex(16)
    person.caller = secrets.token_hex(8)
    person.headers["traceparent"] = f"00-{trace}-{person.caller}-{flags}"
    return trace


def told(spans):
    return {(span.service, span.name) for span in spans}


def test_a_gift_is_one_trace_through_every_service_that_hears_of_it(collector, stage, mira, lea):
    trace = call_within(mira)

    assert stage.give(mira, lea.user).status_code == 201

    eventually(lambda: told(collector.trace(trace)) > OF_A_GIFT)
    spans = collector.trace(trace)
    assert told(spans) == OF_A_GIFT | {("live", "publish live.first_gift")}
    by_id = {span.id: span for span in spans}
    roots = [span for span in spans if span.parent not in by_id]
    assert [(span.name, span.parent) for span in roots] == [("POST /v1/gifts", mira.caller)]
    assert told([by_id[span.parent] for span in spans if span.name == "process payout.gifts"]) == {
        ("gift", "process gift.outcomes")
    }
    # What they have in common is in the logs as well.
    assert len({span.attributes["ovation.correlation_id"] for span in spans}) == 1


def test_a_chargeback_is_one_trace_through_all_five_services(collector, stage, lea):
    rita = stage.person("rita", country="BR", age_verified=30)
    purchase = stage.buy(rita)
    assert stage.give(rita, lea.user, "g_whistle").status_code == 201

    stage.provider(f"/payments/{stage.payment_of(purchase)['id']}/disputes", {})

    def disputed():
        return [span for span in collector.spans if span.name == "publish purchase.disputed"]

    (said,) = eventually(disputed)
    eventually(lambda: told(collector.trace(said.trace)) >= OF_A_CHARGEBACK)
    # No team was granted anything here, so nothing of it comes to webhooks.
    assert {span.service for span in collector.trace(said.trace)} == {*DATABASES} - {"webhooks"}


def test_a_purchase_is_in_its_callers_trace_and_a_bill_of_it_in_the_providers(
    collector, stage, mira
):
    """Between the two is a provider that hands no trace on: only the correlation id is common."""
    trace = call_within(mira)

    stage.buy(mira)

    (asked,) = eventually(
        lambda: [it for it in collector.trace(trace) if it.name == "POST /v1/purchases"]
    )
    story = asked.attributes["ovation.correlation_id"]
    eventually(
        lambda: (
            {("purchase", "publish purchase.completed"), ("wallet", "process wallet.money")}
            <= told(
                it for it in collector.spans if it.attributes["ovation.correlation_id"] == story
            )
        )
    )


def test_a_trace_tells_nothing_about_anybody(collector, stage, watched, mira, lea):
    trace = call_within(mira)
    assert stage.give(mira, lea.user, message="for your eyes only").status_code == 201
    mira.get("/v1/gifts")
    mira.get("/v1/wallets/me")
    eventually(lambda: told(collector.trace(trace)) >= OF_A_GIFT)

    everything = "\n".join(span.whole for span in collector.spans)
    private = [
        *(mira.user, lea.user, "for your eyes only"),
        *(person.headers["Authorization"].split()[-1] for person in (mira, lea)),
        *watched.secrets.database.values(),
        *watched.secrets.broker.values(),
        *(watched.secrets.payments_key, watched.secrets.payments_webhook_secret),
        *(watched.secrets.transfers_key, watched.secrets.transfers_webhook_secret),
    ]
    assert [each for each in private if each in everything] == []


def test_who_is_not_watched_leaves_no_span(collector, stage, mira, lea):
    unwatched = call_within(mira, flags=UNWATCHED)
    assert stage.give(mira, lea.user).status_code == 201
    eventually(lambda: lea.get("/v1/earnings/me")["available_diamonds"] == 1)
    # Spans leave each service in the order in which they ended.
    watched = call_within(mira)
    assert stage.give(mira, lea.user).status_code == 201
    eventually(lambda: told(collector.trace(watched)) >= OF_A_GIFT)

    assert collector.trace(unwatched) == []


def test_a_collector_that_never_answers_slows_and_stops_nothing(
    collector, stage, watched, mira, lea
):
    """The last test here: afterwards nothing runs."""
    collector.silent.set()
    for _ in range(20):
        call_within(mira)
        asked_at = time.monotonic()
        assert stage.give(mira, lea.user).status_code == 201
        assert time.monotonic() - asked_at < EXPORT_SECONDS_MAX
    eventually(lambda: lea.get("/v1/earnings/me")["available_diamonds"] == 20)

    for service in DATABASES:
        asked_at = time.monotonic()
        watched.terminate(service)
        assert time.monotonic() - asked_at < LAST_SECONDS_MAX + 5
