"""Wires the live service together. The only file that knows every other."""

from fastapi import FastAPI

from services.live import api, consumers, jobs
from services.live.commands.showing import Hub
from services.live.domain.quotas import RoomLimits
from services.live.settings import Settings
from shared.http import build_app
from shared.identity.tokens import Verifier
from shared.messaging.relay import Relay
from shared.postgres.database import Database
from shared.runtime.service import Service, build_broker, build_database, build_verifier, start


def build(settings: Settings) -> Service:
    database = build_database(settings)
    broker = build_broker(settings, "live")
    hub = Hub(database)
    return Service(
        name="live",
        app=build_http(
            database,
            build_verifier(settings),
            hub,
            RoomLimits(settings.open_rooms_max, settings.rooms_max),
        ),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker, show=hub.show),
        jobs=jobs.build(database),
        tasks=(hub.run,),
    )


def build_http(
    database: Database, verifier: Verifier, hub: Hub, limits: RoomLimits | None = None
) -> FastAPI:
    app = build_app(
        title="Ovation live",
        description="What a room sees.",
        verifier=verifier,
        database=database,
    )
    app.include_router(api.build_router(database, hub, limits or RoomLimits()))
    return app


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "live")
