"""Wires the sandbox together, and runs it."""

import httpx
import uvicorn
from fastapi import FastAPI

from services.sandbox import api, pages
from services.sandbox.provider import Provider
from services.sandbox.settings import Settings
from services.sandbox.webhooks import Webhooks
from shared.http import build_app
from shared.observability.logging import configure_logging

# Only answers that are meant to come too late take longer.
DRAIN_SECONDS_MAX = 2


def build(settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """Return the sandbox; `transport` replaces the network for its webhooks."""
    webhooks = Webhooks(
        payments_secret=settings.payments_webhook_secret.get_secret_value(),
        transfers_secret=settings.transfers_webhook_secret.get_secret_value(),
        payments_url=settings.payments_webhook_url,
        transfers_url=settings.transfers_webhook_url,
        transport=transport,
    )
    app = build_app(
        title="Ovation sandbox",
        description="A payment provider to practise with.",
        verifier=None,
        database=None,
    )
    app.state.provider = Provider(public_url=settings.public_url, publish=webhooks.publish)
    app.state.webhooks = webhooks
    app.state.api_keys = {
        api.Use.PAYMENTS: settings.payments_key.get_secret_value(),
        api.Use.TRANSFERS: settings.transfers_key.get_secret_value(),
    }
    app.include_router(api.router)
    app.include_router(pages.router)
    return app


if __name__ == "__main__":
    settings = Settings()
    configure_logging("sandbox")
    uvicorn.run(
        build(settings),
        host=settings.host,
        port=settings.port,
        http="httptools",
        loop="uvloop",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
    )
