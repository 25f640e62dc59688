"""Wires the webhooks service together. The only file that knows every other."""

from datetime import timedelta
from functools import partial

from fastapi import FastAPI

from services.webhooks import api, consumers, jobs
from services.webhooks.domain.deliveries import RetryPolicy
from services.webhooks.jobs.measures import measure_forever
from services.webhooks.jobs.worker import DeliveryWorker, Limits
from services.webhooks.settings import Settings
from shared.http import build_app
from shared.http.public_addresses import AddressPolicy
from shared.http.public_client import Destinations, PublicClient
from shared.identity.tokens import TokenVerifier
from shared.keyring import Keyring
from shared.messaging.relay import Relay
from shared.postgres.database import Database
from shared.runtime.service import Service, build_broker, build_database, build_verifier, start

USER_AGENT = "Ovation-Webhooks/1"


def build(settings: Settings) -> Service:
    database = build_database(settings)
    broker = build_broker(settings, "webhooks")
    keys = Keyring(settings.secrets_key.get_secret_value())
    policy = RetryPolicy(lasts=timedelta(days=settings.retry_days))
    destinations = read_destinations(settings)
    client = PublicClient(
        destinations,
        answer_seconds_max=settings.answer_seconds,
        connections_max=settings.attempts_max,
        user_agent=USER_AGENT,
    )
    limits = Limits(per_endpoint=settings.endpoint_attempts_max, in_all=settings.attempts_max)
    worker = DeliveryWorker(database, client, keys, policy, limits)
    return Service(
        name="webhooks",
        app=build_http(database, build_verifier(settings), keys, destinations, policy),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker, policy),
        jobs=jobs.build(database, keys, kept=timedelta(days=settings.keep_days)),
        tasks=(worker.run, partial(measure_forever, database)),
        closing=(client.close,),
    )


def build_http(
    database: Database,
    verifier: TokenVerifier,
    keys: Keyring,
    destinations: Destinations,
    policy: RetryPolicy,
) -> FastAPI:
    app = build_app(
        title="Ovation webhooks",
        description="Events for teams that have no broker.",
        verifier=verifier,
        database=database,
    )
    app.state.secret_keys = keys
    app.state.destinations = destinations
    app.state.retry_policy = policy
    app.include_router(api.router)
    return app


def read_destinations(settings: Settings) -> Destinations:
    """Read where endpoints may be; a mistake in the settings stops the service."""
    return Destinations(
        addresses=AddressPolicy.of(
            settings.networks_allowed.split(), loopback=settings.loopback_allowed
        ),
        ports=frozenset(map(int, settings.ports.split())),
        loopback=settings.loopback_allowed,
    )


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "webhooks")
