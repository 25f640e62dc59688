"""What a queue is bound to and what its consumer handles are the same, or the service stops."""

import importlib

import pytest

from deploy.config.environment import Endpoints, environment_of, new_secrets
from shared.contracts.routes import QUEUES, SERVICES, RoutesDiffer, require_queues
from shared.contracts.wallet import CoinsCredited, GiftPaid, GiftPaymentRefused
from shared.messaging.consumer import Consumer
from tests.deliveries import a_broker


async def handle(tx, received):
    """Nothing is received here."""


def a_consumer(queue, *contracts):
    return Consumer(queue, dict.fromkeys(contracts, handle), database=None, broker=a_broker("gift"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_consumes_its_queues_and_handles_what_is_bound_to_them(name, monkeypatch):
    names = (*SERVICES, "web", "sandbox", "issuer", "gateway")
    urls = dict.fromkeys(names, "http://127.0.0.1:9")
    endpoints = Endpoints(urls, postgres="127.0.0.1:9", rabbit="127.0.0.1:9", vhost="ovation")
    for variable, value in environment_of(name, endpoints, new_secrets()).items():
        monkeypatch.setenv(variable, value)
    main = importlib.import_module(f"services.{name}.main")

    service = main.build(main.Settings())

    own = {queue for queue in QUEUES if queue.startswith(f"{name}.")}
    assert {consumer.queue for consumer in service.consumers} == own


def test_an_event_that_is_bound_and_not_handled_stops_the_service():
    with pytest.raises(
        RoutesDiffer, match=r"not handled: \['dev.ovation.wallet.gift_refused.v1'\]"
    ):
        a_consumer("gift.outcomes", GiftPaid)


def test_an_event_that_is_handled_and_not_bound_stops_the_service():
    with pytest.raises(RoutesDiffer, match=r"QUEUES: \['dev.ovation.wallet.coins_credited.v1'\]"):
        a_consumer("gift.outcomes", GiftPaid, GiftPaymentRefused, CoinsCredited)


def test_a_queue_that_nothing_consumes_stops_the_service():
    with pytest.raises(RoutesDiffer, match=r"service live: in QUEUES and not handled: \['live"):
        require_queues("live", [])
