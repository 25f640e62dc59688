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
from services.purchase.domain.quotas import PurchaseQuotas
from services.purchase.domain.refunds import RefundPolicy
from services.purchase.domain.rules import Rules
from services.purchase.providers import Providers, build_providers
from services.purchase.settings import Settings
from services.purchase.store.in_flight import IN_FLIGHT
from shared.backoffice.in_flight import watch
from shared.http import build_app
from shared.identity.ages import Act, read_age_rule
from shared.identity.tokens import Verifier
from shared.messaging.relay import Relay
from shared.postgres.database import Database
from shared.runtime.service import Service, build_broker, build_database, build_verifier, start


def build(settings: Settings) -> Service:
    database = build_database(settings)
    broker = build_broker(settings, "purchase")
    providers = build_providers(settings)
    rules = read_rules(settings.packages_file, settings.rules_file)
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


def read_rules(packages_file: Path, rules_file: Path) -> Rules:
    """Read what is sold, to whom, and what is refunded; a mistake stops the service."""
    rules = tomllib.loads(rules_file.read_text(encoding="utf-8"))
    return Rules(
        prices=read_prices(packages_file),
        refunds=read_policy(rules_file),
        quotas=PurchaseQuotas(**rules["purchases"]),
        ages=read_age_rule(rules, Act.BUY),
    )


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


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "purchase")
