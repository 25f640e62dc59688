"""The one page there is so far: a room, as its gifts arrive."""

from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

STATIC = Path(__file__).parent / "static"
# Everything comes from here: no script, style or font of anybody else.
SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def build_router() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def room() -> Response:
        headers = {"Content-Security-Policy": SECURITY, "Referrer-Policy": "no-referrer"}
        return FileResponse(STATIC / "room.html", media_type="text/html", headers=headers)

    @router.get("/static/{name}")
    async def static(name: Literal["room.css", "room.js"]) -> Response:
        return FileResponse(STATIC / name)

    return router
