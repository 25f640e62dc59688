"""Wires the gift service together. The only file that knows every other."""

import tomllib
from pathlib import Path

from fastapi import FastAPI

from services.gift import api, consumers, jobs
from services.gift.commands.waiting import Waiters
from services.gift.domain import Catalogue, GiftType
from services.gift.settings import Settings
from services.gift.store.sagas import SAGAS
from shared.auth import Verifier
from shared.database import Database
from shared.http import build_app
from shared.messaging.relay import Relay
from shared.runtime import Service, build_broker, build_database, build_verifier, start
from shared.sagas import watch

LANGUAGE = "en"


def build(settings: Settings) -> Service:
    database = build_database(settings)
    broker = build_broker(settings, "gift")
    catalogue = read_catalogue(settings.catalogue_file)
    waiters = Waiters(database)
    return Service(
        name="gift",
        app=build_http(database, build_verifier(settings), catalogue, waiters),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker, catalogue=catalogue, tell=waiters.tell),
        jobs=jobs.build(database),
        tasks=(waiters.run, watch(database, SAGAS)),
    )


def build_http(
    database: Database, verifier: Verifier, catalogue: Catalogue, waiters: Waiters
) -> FastAPI:
    app = build_app(
        title="Ovation gift",
        description="What viewers send.",
        verifier=verifier,
        database=database,
    )
    app.include_router(api.build_router(database, catalogue, waiters))
    return app


def read_catalogue(path: Path) -> Catalogue:
    """Read the gifts on offer; one that is switched off cannot be sent."""
    return Catalogue(
        tuple(
            GiftType(
                id=entry["id"],
                name=entry["names"][LANGUAGE],
                description=entry["description"][LANGUAGE],
                price_coins=entry["price_coins"],
                tier=entry["tier"],
                type=entry["type"],
                category=entry["category"],
                batch_counts=tuple(entry["batch_counts"]),
                count_max=entry["max_count_per_send"],
                sort=entry["sort"],
            )
            for entry in tomllib.loads(path.read_text(encoding="utf-8"))["gifts"]
            if entry["is_active"]
        )
    )


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "gift")
