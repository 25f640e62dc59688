"""Wires the wallet together. The only file that knows every other."""

from fastapi import FastAPI

from services.wallet import api, consumers
from services.wallet.settings import Settings
from shared.auth import Verifier
from shared.database import Database
from shared.http import build_app
from shared.messaging.relay import Relay
from shared.runtime import Service, build_broker, build_database, build_verifier, start


def build(settings: Settings) -> Service:
    database = build_database(settings)
    broker = build_broker(settings, "wallet")
    return Service(
        name="wallet",
        app=build_http(database, build_verifier(settings)),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(settings, database, broker),
    )


def build_http(database: Database, verifier: Verifier) -> FastAPI:
    app = build_app(
        title="Ovation wallet",
        description="Who holds how many coins, and why.",
        verifier=verifier,
        database=database,
    )
    app.include_router(api.build_router(database))
    return app


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "wallet")
