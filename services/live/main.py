"""Wires the live service together. The only file that knows every other."""

from fastapi import FastAPI

from services.live import api, consumers, jobs
from services.live.api.hub import Hub
from services.live.api.setup_slots import SetupSlots
from services.live.commands.profiles import ProfileNotes
from services.live.domain.quotas import RoomLimits
from services.live.providers.people_host import PeopleHost
from services.live.settings import Settings
from shared.http import build_app
from shared.identity.tokens import TokenVerifier
from shared.messaging.relay import Relay
from shared.postgres.database import Database
from shared.runtime.service import Service, build_broker, build_database, build_verifier, start


def build(settings: Settings) -> Service:
    database = build_database(settings)
    broker = build_broker(settings, "live")
    hub = Hub(database)
    limits = RoomLimits(settings.open_rooms_max, settings.rooms_max)
    notes = ProfileNotes(database)
    host = build_host(settings)
    return Service(
        name="live",
        app=build_http(
            database, build_verifier(settings), hub, limits=limits, notes=notes, host=host
        ),
        database=database,
        relay=Relay(database, broker),
        consumers=consumers.build(database, broker, show=hub.show),
        jobs=jobs.build(database),
        tasks=(hub.run, notes.run),
    )


def build_host(settings: Settings) -> PeopleHost | None:
    """Return whom to ask how people are shown; None: their tokens alone say it."""
    if not settings.people_url:
        return None
    return PeopleHost(settings.people_url, settings.people_key.get_secret_value())


def build_http(
    database: Database,
    verifier: TokenVerifier,
    hub: Hub,
    *,
    limits: RoomLimits | None = None,
    notes: ProfileNotes | None = None,
    host: PeopleHost | None = None,
) -> FastAPI:
    app = build_app(
        title="Ovation live",
        description="What a room sees.",
        verifier=verifier,
        database=database,
    )
    app.state.hub = hub
    app.state.room_limits = limits or RoomLimits()
    app.state.profile_notes = notes or ProfileNotes(database)
    app.state.people_host = host
    app.state.setup_slots = SetupSlots()
    app.include_router(api.router)
    return app


if __name__ == "__main__":
    settings = Settings()
    start(lambda: build(settings), settings, "live")
