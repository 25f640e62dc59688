"""Wires the purchase service together. The only file that knows every other."""

import tomllib
from datetime import timedelta
from pathlib import Path

from fastapi import FastAPI
from pydantic import TypeAdapter

from services.purchase import api, consumers, jobs
from services.purchase.commands.status_polls import StatusPolls
from services.purchase.domain.deadlines import Calendar
from services.purchase.domain.prices import PriceList
from services.purchase.domain.quotas import PurchaseQuotas, read_quotas
from services.purchase.domain.refunds import RefundPolicy
from services.purchase.domain.rules import Rules
from services.purchase.providers import Providers, build_providers
from services.purchase.settings import Settings
from services.purchase.store.in_flight import IN_FLIGHT
from shared.backoffice.in_flight import watch
from shared.http import build_app
from shared.identity.ages import Act, AgeRule, read_age_rule
from shared.identity.tokens import Verifier
from shared.messaging.relay import Relay
from shared.postgres.database import Database
from shared.runtime.service import Service, build_broker, build_database, build_verifier, start


def build(settings: Settings) -> Service:
    database = build_database(settings)
    broker = build_broker(settings, "purchase")
    providers = build_providers(settings)
    rules = Rules(
        read_prices(settings.packages_file),
        read_policy(settings.rules_file),
        read_ages(settings.rules_file),
        read_limits(settings.rules_file),
    )
    return Service(
        name="purchase",
        app=build_http(database, build_verifier(settings), providers, rules),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker),
        jobs=jobs.build(database, providers, window=timedelta(hours=settings.provider_key_hours)),
        tasks=(watch(database, IN_FLIGHT),),
        closing=tuple(provider.close for provider in providers.values()),
    )


def build_http(
    database: Database, verifier: Verifier, providers: Providers, rules: Rules
) -> FastAPI:
    app = build_app(
        title="Ovation purchase",
        description="Real money becomes coins.",
        verifier=verifier,
        database=database,
    )
    app.state.providers = providers
    app.state.status_polls = StatusPolls(database, providers)
    app.state.rules = rules
    app.include_router(api.router)
    return app


def read_prices(path: Path) -> PriceList:
    """Read what is sold; a mistake in the file stops the service before it sells anything."""
    return TypeAdapter(PriceList).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))


def read_policy(path: Path) -> RefundPolicy:
    """Read which purchases are refunded; the countries of the EEA share one rule."""
    refunds = tomllib.loads(path.read_text(encoding="utf-8"))["refunds"]
    eea = refunds["eea_members"]
    return RefundPolicy(
        {
            channel: {
                country: days
                for named, days in by_country.items()
                for country in (eea if named == "EEA" else [named])
            }
            for channel, by_country in refunds["days"].items()
        },
        TypeAdapter(dict[str, Calendar]).validate_python(refunds.get("calendars", {})),
    )


def read_limits(path: Path) -> PurchaseQuotas:
    """Read how much a viewer can request."""
    return read_quotas(tomllib.loads(path.read_text(encoding="utf-8")).get("purchases", {}))


def read_ages(path: Path) -> AgeRule:
    """Read how old a buyer has to be."""
    return read_age_rule(tomllib.loads(path.read_text(encoding="utf-8")), Act.BUY)


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "purchase")
