"""Wires the payout service together. The only file that knows every other."""

import tomllib
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from services.payout import api, consumers, jobs
from services.payout.commands.adjustments import decide_payout_adjustment
from services.payout.domain.rates import MaturityRules, Rules
from services.payout.providers import PROVIDERS, Providers
from services.payout.settings import Settings
from services.payout.store.in_flight import IN_FLIGHT
from shared.backoffice.adjustments import request_adjustment
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
    providers = {name: build_provider(settings) for name, build_provider in PROVIDERS.items()}
    rules = read_rules(settings.rules_file, hold_seconds=settings.hold_seconds)
    return Service(
        name="payout",
        app=build_http(database, build_verifier(settings), providers, rules),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker, rules),
        jobs=jobs.build(database, providers, rules),
        tasks=(watch(database, IN_FLIGHT),),
        closing=tuple(each.close for each in providers.values()),
    )


def build_http(
    database: Database, verifier: Verifier, providers: Providers, rules: Rules
) -> FastAPI:
    app = build_app(
        title="Ovation payout",
        description="Diamonds become money.",
        verifier=verifier,
        database=database,
    )
    app.state.adjustments = AdjustmentCommands(
        "payout", request_adjustment, partial(decide_payout_adjustment, rules=rules)
    )
    app.state.providers = providers
    app.state.rules = rules
    app.include_router(api.router)
    return app


def read_rules(path: Path, *, hold_seconds: int | None = None) -> Rules:
    """Read the rules; `hold_seconds` replaces every wait, for practice."""
    rules = tomllib.loads(path.read_text(encoding="utf-8"))
    require_currencies([rules["diamonds"]["currency"]])
    maturity = MaturityRules(**rules["maturity"], seconds=hold_seconds)
    ages = read_age_rule(rules, Act.CASH_OUT)
    return Rules(**rules["diamonds"], **rules["payouts"], maturity=maturity, ages=ages)


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "payout")
