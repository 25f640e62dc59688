"""
What each code of a problem means, at the address that is the problem's `type`.

Browsers get a page, programs the same as JSON; so do those that ask for a wrong address. `make
contracts` writes `problems.json` from the classes of all services. What it says is English, as the
API is; a wrong address is told in the reader's language.
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from services.web.brand import Brand
from services.web.languages import DEFAULT, choose_language, direction_of
from services.web.pages import REFERENCE, home_of, page_headers
from shared.http.negotiation import prefers_page
from shared.http.problems import PROBLEMS

TABLE = Path(__file__).parent / "problems.json"
TEMPLATE = Path(__file__).parent / "problem.html"
VARY = {"Vary": "Accept"}
HEADERS = {**page_headers(""), **VARY}
BRAND_HEADERS = {**page_headers("", has_fonts=True), **VARY}
JSON_HEADERS = {"Cache-Control": HEADERS["Cache-Control"], **VARY}
WRONG_ADDRESS = """\
<article class="card stack">
<h1>{title}</h1>
<p>{text}</p>
<ul>
<li><a href="{home}">{pages}</a></li>
{reference}</ul>
</article>
"""
TO_REFERENCE = '<li><a href="/docs">{docs}</a></li>\n'

router = APIRouter(prefix=PROBLEMS, include_in_schema=False)


@router.get("")
async def list_problems(request: Request) -> Response:
    """List every code and what it means."""
    if not prefers_page(request.scope):
        return JSONResponse(_table(), headers=JSON_HEADERS)
    rows = "".join(_row(code, entry) for code, entry in _table().items())
    about = "<p>Why the API refuses a request, by the member <code>code</code>.</p>"
    return _page(request, "Problems", f'<h1>Problems</h1>{about}<ul class="card stack">{rows}</ul>')


@router.get("/{code}")
async def read_problem(code: str, request: Request) -> Response:
    """Say what a code means, which facts come with it, and what to do."""
    entry = _table().get(code)
    if entry is None:
        raise HTTPException(404)
    if not prefers_page(request.scope):
        return JSONResponse({"code": code, **entry}, headers=JSON_HEADERS)
    parts = [
        f"<h1><code>{code}</code></h1>",
        f'<p class="muted">Status {entry["status"]}: {HTTPStatus(entry["status"]).phrase}</p>',
        *(f"<p>{_text(meaning)}</p>" for meaning in entry["meanings"]),
        f"<h2>What to do</h2><p>{_text(entry['advice'])}</p>",
        *_list("Facts, where they are known", entry["facts"]),
        *_list("Operations that answer with it", entry["operations"]),
        f'<p><a href="{PROBLEMS}">All problems</a></p>',
    ]
    return _page(request, code, f'<article class="card stack">{"".join(parts)}</article>')


def show_wrong_addresses(app: FastAPI) -> None:
    """Answer a browser that asks for a wrong address with a page that leads back."""
    refuse: Any = app.exception_handlers[HTTPException]

    @app.exception_handler(HTTPException)
    async def show(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404 and prefers_page(request.scope):
            return _wrong_address(request)
        response: Response = await refuse(request, error)
        if error.status_code == 404:
            response.headers["Vary"] = HEADERS["Vary"]
        return response


def _wrong_address(request: Request) -> Response:
    languages = request.app.state.languages
    language = choose_language(request, languages)
    text, pages, docs, title = (
        escape(str(languages[language][key]))
        for key in ("wrong-address.text", "wrong-address.pages", "page:docs", "wrong-address.title")
    )
    off = request.app.state.pages_off
    reference = "" if REFERENCE in off else TO_REFERENCE.format(docs=docs)
    content = WRONG_ADDRESS.format(
        title=title, text=text, pages=pages, home=home_of(off), reference=reference
    )
    answer = _page(request, title, content, 404, language=language)
    answer.headers["Vary"] = "Accept, Accept-Language, Cookie"
    return answer


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(TABLE.read_text())
    return table


def _row(code: str, entry: dict[str, Any]) -> str:
    link = f'<a href="{PROBLEMS}/{code}"><code>{code}</code></a>'
    return f"<li>{link} {_text(entry['meanings'][0])}</li>"


def _list(title: str, names: Iterable[str]) -> Iterable[str]:
    items = "".join(f"<li><code>{escape(name)}</code></li>" for name in names)
    return [f"<h2>{title}</h2><ul>{items}</ul>"] if items else []


def _text(words: str) -> str:
    """Write a text of ours as HTML, where `names` are in the type of code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(words))


def _page(
    request: Request, title: str, content: str, status: int = 200, *, language: str = DEFAULT
) -> Response:
    brand: Brand = request.app.state.brand
    text = (
        brand.dress(TEMPLATE.read_text())
        .replace("{{home}}", home_of(request.app.state.pages_off))
        .replace("{{language}}", language)
        .replace("{{direction}}", direction_of(language))
        .replace("{{title}}", title)
        .replace("{{content}}", content)
    )
    headers = BRAND_HEADERS if brand.folder else HEADERS
    return HTMLResponse(text, status, headers={**headers, "Content-Language": language})
