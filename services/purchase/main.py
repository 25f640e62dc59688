"""Wires the purchase service together. The only file that knows every other."""

import tomllib
from pathlib import Path

from fastapi import FastAPI
from pydantic import TypeAdapter

from services.purchase import api, consumers, jobs
from services.purchase.domain.prices import PriceList
from services.purchase.providers import Provider
from services.purchase.settings import Settings
from shared.auth import Verifier
from shared.database import Database
from shared.http import build_app
from shared.messaging.relay import Relay
from shared.runtime import Service, build_broker, build_database, build_verifier, start


def build(settings: Settings) -> Service:
    database = build_database(settings)
    broker = build_broker(settings, "purchase")
    provider = Provider(
        url=settings.provider_url,
        api_key=settings.provider_api_key.get_secret_value(),
        webhook_secret=settings.webhook_secret.get_secret_value(),
        return_url=settings.return_url,
    )
    prices = read_prices(settings.packages_file)
    return Service(
        name="purchase",
        app=build_http(database, build_verifier(settings), provider, prices),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker),
        jobs=jobs.build(database, provider),
        closing=(provider.close,),
    )


def build_http(
    database: Database, verifier: Verifier, provider: Provider, prices: PriceList
) -> FastAPI:
    app = build_app(
        title="Ovation purchase",
        description="Real money becomes coins.",
        verifier=verifier,
        database=database,
    )
    app.include_router(api.build_router(database, provider, prices))
    return app


def read_prices(path: Path) -> PriceList:
    """Read what is sold; a mistake in the file stops the service before it sells anything."""
    return TypeAdapter(PriceList).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "purchase")
