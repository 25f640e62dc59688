"""
The pages people open, and the files they are made of.

Pages name their files under the version of all files together, so that browsers keep them for
good and never mix two versions; under `/static/` alone they are asked for again each time.
"""

import hashlib
import html
import json
import tomllib
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from shared.identity.claims import DEFAULT_NAMES, ClaimNames

STATIC = Path(__file__).parent / "static"
TEMPLATE = Path(__file__).parent / "page.html"
# Each page is the script and the style of its name.
ADDRESSES = {
    "/": "room",
    # Whatever the name is: the page says that a name with a slash is none.
    "/rooms/{room:path}": "room",
    "/wallet": "wallet",
    "/creator": "creator",
    "/operator": "operator",
    "/paid": "paid",
}
VERSION_CHARACTERS = 12
FOR_GOOD = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"
KINDS = frozenset((".css", ".js", ".svg"))
# Everything comes from here: no script, style or font of anybody else, nothing inline, and no
# string ever becomes markup.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'; "
)
FILE_HEADERS = {"Cross-Origin-Resource-Policy": "same-origin"}
PAGE_HEADERS = {
    **FILE_HEADERS,
    "Cache-Control": ASK_EACH_TIME,
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Files(StaticFiles):
    """Our own files of the kinds that pages are made of, and nothing else of the folder."""

    def __init__(self, version: str) -> None:
        super().__init__(directory=STATIC)
        self._version = version

    async def get_response(self, path: str, scope: Scope) -> Response:
        version, _, rest = path.partition("/")
        named = version == self._version
        wanted = rest if named else path
        if Path(wanted).suffix not in KINDS:
            raise HTTPException(404)
        answer = await super().get_response(wanted, scope)
        answer.headers.update(FILE_HEADERS)
        answer.headers["Cache-Control"] = FOR_GOOD if named else ASK_EACH_TIME
        return answer


def version_of(folder: Path) -> str:
    """Return what changes whenever any file does."""
    seen = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        seen.update(f"{path.relative_to(folder)}\0".encode())
        seen.update(path.read_bytes())
    return seen.hexdigest()[:VERSION_CHARACTERS]


def add_pages(
    app: FastAPI, *, host_origins: str, people_file: Path | None, names: ClaimNames = DEFAULT_NAMES
) -> None:
    router = APIRouter(include_in_schema=False)
    version = version_of(STATIC)
    ancestors = host_origins or "'none'"
    headers = {**PAGE_HEADERS, "Content-Security-Policy": f"{POLICY}frame-ancestors {ancestors}"}
    template = (
        TEMPLATE.read_text()
        .replace("/static/", f"/static/{version}/")
        .replace("{{host_origins}}", host_origins)
        .replace("{{claims}}", html.escape(json.dumps(asdict(names))))
    )
    for address, name in ADDRESSES.items():
        text = template.replace("{{name}}", name).replace("{{title}}", name.capitalize())
        router.get(address, name=address)(_page(text, headers))
    people = _people(people_file)

    @router.get("/people.json")
    async def read_people() -> dict[str, Any]:
        """Who may be played; of no use where no development issuer answers."""
        return people

    app.include_router(router)
    app.mount("/static", Files(version), name="static")


def _page(text: str, headers: dict[str, str]) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        return HTMLResponse(text, headers=headers)

    return answer


def _people(file: Path | None) -> dict[str, Any]:
    return tomllib.loads(file.read_text()) if file else {}
