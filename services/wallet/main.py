"""Wires the wallet together. The only file that knows every other."""

import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import FastAPI

from services.wallet import api, consumers, jobs
from services.wallet.commands.adjustments import decide_wallet_adjustment, request_wallet_adjustment
from services.wallet.domain.limits import Rules
from services.wallet.settings import Settings
from shared.backoffice.routes import AdjustmentCommands
from shared.http import build_app
from shared.identity.ages import Act, read_age_rule
from shared.identity.tokens import TokenVerifier
from shared.messaging.relay import Relay
from shared.money import require_currencies
from shared.postgres.database import Database
from shared.runtime.service import Service, build_broker, build_database, build_verifier, start


def build(settings: Settings) -> Service:
    database = build_database(settings, part_count=settings.parts)
    broker = build_broker(settings, "wallet")
    rules = read_rules(settings.rules_file)
    return Service(
        name="wallet",
        app=build_http(database, build_verifier(settings), rules),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(settings, rules, database, broker),
        jobs=jobs.build(database),
    )


def build_http(database: Database, verifier: TokenVerifier, rules: Rules) -> FastAPI:
    app = build_app(
        title="Ovation wallet",
        description="Who holds how many coins, and why.",
        verifier=verifier,
        database=database,
    )
    app.state.adjustments = AdjustmentCommands(
        "wallet", request_wallet_adjustment, decide_wallet_adjustment
    )
    app.state.rules = rules
    app.include_router(api.router)
    return app


def read_rules(path: Path) -> Rules:
    """Read what viewers may spend; a mistake in the file stops the service at its start."""
    rules = tomllib.loads(path.read_text(encoding="utf-8"))
    spending, age = rules["spending_limits"], rules["age"]
    rates = rules["exchange_rates"]["parts_per_million"]
    require_currencies(code for source in rates for code in (source, *rates[source]))
    return Rules(
        gift_coins_per_day=spending["gift_coins_per_day"],
        raise_after_hours=spending["raise_after_hours"],
        minor_coins_per_day=age["minor_coins_per_day"],
        time_zone=ZoneInfo(spending["time_zone"]),
        rates={
            (source, target): parts
            for source, targets in rates.items()
            for target, parts in targets.items()
        },
        ages=read_age_rule(rules, Act.GIVE),
    )


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "wallet")
