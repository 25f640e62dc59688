"""Whether a service lives, whether it can serve, and its metrics: for probes, not for callers."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.errors import Kind, Refusal
from shared.http.problems import DatabaseUnavailable, plain, refusal_response

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)

READY_SECONDS_MAX = 1.0


class Stopping(Refusal):
    """The service is stopping; another instance, or this one after its start, will answer."""

    kind = Kind.UNAVAILABLE


@router.get("/livez")
async def read_liveness() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz")
async def read_readiness(request: Request) -> Response:
    state = request.app.state
    reports = _answers(state.reports)
    if state.stopping.is_set():
        return refusal_response(Stopping(**reports))
    if state.database is not None:
        try:
            await asyncio.wait_for(state.database.ping(), READY_SECONDS_MAX)
        except Exception as error:  # noqa: BLE001 - any error means: not ready
            log.warning("service.unready", error=repr(error)[:200])
            return refusal_response(DatabaseUnavailable(**reports))
    return JSONResponse({**reports, "status": "ready"})


@router.get("/metrics")
async def read_metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _answers(reports: Mapping[str, Callable[[], object]]) -> dict[str, Any]:
    """Return what each report says; one that fails says so and harms no other."""
    answers: dict[str, object] = {}
    for name, report in reports.items():
        try:
            answers[name] = report()
        except Exception as error:  # noqa: BLE001 - a report only informs
            answers[name] = f"failed: {type(error).__name__}"
    return plain(answers)
