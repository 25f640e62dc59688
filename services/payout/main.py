"""Wires the payout service together. The only file that knows every other."""

import tomllib
from pathlib import Path

from fastapi import FastAPI

from services.payout import api, consumers, jobs
from services.payout.domain import Rules
from services.payout.providers import Provider
from services.payout.settings import Settings
from shared.auth import Verifier
from shared.database import Database
from shared.http import build_app
from shared.messaging.relay import Relay
from shared.runtime import Service, build_broker, build_database, build_verifier, start


def build(settings: Settings) -> Service:
    database = build_database(settings)
    broker = build_broker(settings, "payout")
    provider = Provider(
        url=settings.provider_url,
        api_key=settings.provider_api_key.get_secret_value(),
        webhook_secret=settings.webhook_secret.get_secret_value(),
    )
    rules = read_rules(settings.rules_file)
    return Service(
        name="payout",
        app=build_http(database, build_verifier(settings), provider, rules),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker),
        jobs=jobs.build(database, provider),
        closing=(provider.close,),
    )


def build_http(database: Database, verifier: Verifier, provider: Provider, rules: Rules) -> FastAPI:
    app = build_app(
        title="Ovation payout",
        description="Diamonds become money.",
        verifier=verifier,
        database=database,
    )
    app.include_router(api.build_router(database, provider, rules))
    return app


def read_rules(path: Path) -> Rules:
    rules = tomllib.loads(path.read_text(encoding="utf-8"))
    return Rules(**rules["diamonds"], **rules["payouts"])


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "payout")
