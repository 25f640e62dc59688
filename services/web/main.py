"""Wires the web service together, and runs it."""

import uvicorn
from fastapi import FastAPI

from services.web import pages
from services.web.settings import Settings
from shared.http import build_app
from shared.observability.logging import configure_logging
from shared.observability.tracing import configure_tracing


def build(settings: Settings) -> FastAPI:
    app = build_app(
        title="Ovation web",
        description="The pages people open.",
        verifier=None,
        database=None,
    )
    pages.add_pages(
        app,
        host_origins=settings.host_origins,
        people_file=settings.people_file,
        names=settings.claim_names,
    )
    return app


if __name__ == "__main__":
    settings = Settings()
    configure_logging("web")
    configure_tracing("web")
    uvicorn.run(
        build(settings),
        host=settings.host,
        port=settings.port,
        http="httptools",
        loop="uvloop",
        access_log=False,
        log_config=None,
    )
