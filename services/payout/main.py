"""Wires the payout service together. The only file that knows every other."""

import tomllib
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.payout import api, consumers, jobs
from services.payout.commands.adjusting import ask_adjustment, settle_adjustment
from services.payout.domain.rates import Holds, Rules
from services.payout.providers import Provider
from services.payout.settings import Settings
from services.payout.store.sagas import SAGAS
from shared.backoffice.in_flight import watch
from shared.backoffice.routes import AdjustmentCommands
from shared.http import build_app
from shared.identity.ages import Act, read_age_rule
from shared.identity.tokens import Verifier
from shared.messaging.relay import Relay
from shared.money import require_currencies
from shared.postgres.database import Database
from shared.runtime.service import Service, build_broker, build_database, build_verifier, start


def build(settings: Settings) -> Service:
    database = build_database(settings)
    broker = build_broker(settings, "payout")
    provider = Provider(
        url=settings.provider_url,
        api_key=settings.provider_api_key.get_secret_value(),
        webhook_secret=settings.webhook_secret.get_secret_value(),
        idempotency_seconds=settings.provider_idempotency_seconds,
    )
    rules = read_rules(settings.rules_file, hold_seconds=settings.hold_seconds)
    return Service(
        name="payout",
        app=build_http(database, build_verifier(settings), provider, rules),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker, rules),
        jobs=jobs.build(database, provider, rules),
        tasks=(watch(database, SAGAS),),
        closing=(provider.close,),
    )


def build_http(database: Database, verifier: Verifier, provider: Provider, rules: Rules) -> FastAPI:
    app = build_app(
        title="Ovation payout",
        description="Diamonds become money.",
        verifier=verifier,
        database=database,
    )
    app.state.adjustments = AdjustmentCommands(
        "payout", ask_adjustment, partial(settle_adjustment, rules=rules)
    )
    app.include_router(api.build_router(database, provider, rules))
    return app


def read_rules(path: Path, *, hold_seconds: int | None = None) -> Rules:
    """Read the rules; `hold_seconds` replaces every hold, for installations that are practice."""
    rules = tomllib.loads(path.read_text(encoding="utf-8"))
    require_currencies([rules["diamonds"]["currency"]])
    holds = Holds(**rules["holds"], seconds=hold_seconds)
    ages = read_age_rule(rules, Act.CASH_OUT)
    return Rules(**rules["diamonds"], **rules["payouts"], holds=holds, ages=ages)


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "payout")
