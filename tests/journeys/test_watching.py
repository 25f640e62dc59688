"""At three in the morning: one id finds the whole story, and the metrics say what waits where."""

import json
from uuid import uuid4

import httpx
import pytest

from deploy.config.services import DATABASES
from tests.journeys.people import eventually, stage_on


@pytest.fixture
def stage(system):
    with stage_on(system) as stage:
        yield stage


def lines_about(system, service, identifier):
    """A service's log lines that hold an id anywhere, as `grep` would find them."""
    return [
        json.loads(line)
        for line in system.log_of(service).splitlines()
        if identifier in line and line.startswith("{")
    ]


def test_one_correlation_id_finds_a_gift_in_every_service_it_passed(stage, system):
    story = f"story-{uuid4().hex[:12]}"
    mira = stage.person("mira")
    stage.buy(mira)
    stage.open_room("lea-watched", "watched")
    answer = httpx.post(
        f"{system.gateway_url}/v1/gifts",
        json={"gift_type": "g_pebble", "creator": "lea-watched", "room": "watched"},
        headers={
            "Authorization": f"Bearer {system.token(mira.user)}",
            "Idempotency-Key": uuid4().hex,
            "X-Request-Id": story,
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        },
        timeout=60,
    )
    assert answer.status_code == 201
    passed = {
        "gift": {"gift.requested", "wallet.gift_paid", "gift.sent"},
        "wallet": {"gift.requested", "wallet.gift_paid"},
        "payout": {"gift.sent", "payout.diamonds_earned"},
        "live": {"gift.sent"},
    }
    for service, names in passed.items():
        types = {f"dev.ovation.{name}.v1" for name in names}
        eventually(
            lambda service=service, types=types: (
                types
                <= {
                    kind
                    for line in lines_about(system, service, story)
                    for kind in line.get("types", ())
                }
            )
        )
    # Each step names the one before it.
    published, handled = (
        next(
            line
            for line in lines_about(system, service, story)
            if line["event"] == event and line["type"] == "dev.ovation.gift.sent.v1"
        )
        for service, event in (("gift", "message.published"), ("payout", "message.handled"))
    )
    assert published["message_id"] == handled["message_id"]
    assert published["causation_id"] == handled["causation_id"]


@pytest.mark.parametrize("service", DATABASES)
def test_a_service_says_how_its_messages_are_doing(system, service):
    text = httpx.get(f"{system.urls[service]}/metrics", timeout=60).text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line[0] != "#"}

    assert {
        "ovation_outbox_pending",
        "ovation_outbox_oldest_age_seconds",
        "ovation_outbox_blocked_keys",
        "ovation_outbox_parked_total",
        "ovation_outbox_publish_seconds_count",
        "ovation_relay_leader",
        "ovation_inbox_rows",
        "ovation_consumer_connected",
        "ovation_consumer_paused",
    } <= names
    in_flight = {name for name in names if "_in_flight" in name}
    waits = service in ("purchase", "gift", "payout")
    assert in_flight == ({"ovation_in_flight", "ovation_in_flight_overdue"} if waits else set())
    # No ids, no users: whoever reads the metrics learns nothing about anybody.
    assert "mira" not in text


def test_a_key_that_is_repeated_and_the_proof_of_the_ledger_are_metrics(stage, system):
    mira = stage.person("mira")
    stage.buy(mira)
    for _ in range(2):
        stage.give(mira, "lea-watched", key="watched-twice")
    counted = 'ovation_idempotency_total{outcome="%s",route="/v1/gifts"}'

    def says(service):
        return httpx.get(f"{system.urls[service]}/metrics", timeout=60).text

    for outcome in ("new", "repeated"):
        assert counted % outcome in says("gift")
    eventually(lambda: 'ovation_ledger_imbalance{part="ledger"} 0.0' in says("wallet"))
