"""
The pages people open, and the files they are made of.

Pages name their files under the version of all files together, so that browsers keep them for
good and never mix two versions; under `/static/` alone they are asked for again each time.

`static/` is what people write, `bundles/` what deploy/bundles.py makes of it: one script and one
style for a page. Bundles of other sources are not served, so a change is seen at the next start.
Each page exists in each language: its texts are a module of their own, made when this starts.
"""

import hashlib
import html
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from services.web.brand import KINDS as BRAND_KINDS
from services.web.brand import Brand
from services.web.compression import VARIES, Compressed, compress, takes_compressed
from services.web.files import FILE_HEADERS, REVALIDATE, Files
from services.web.languages import (
    DEFAULT,
    Messages,
    choose_language,
    direction_of,
    module_of,
    problems_of,
    remember_language,
    texts_of,
)
from services.web.settings import Settings
from shared.http import from_state

STATIC = Path(__file__).parent / "static"
BUNDLES = Path(__file__).parent / "bundles"
# Programs of others that pages fetch when they need them: deploy/bundles.py writes these too.
VENDOR = Path(__file__).parent / "vendor"
LOTTIE_PLAYER = "lottie_player.js"
# In a folder of bundles: the version of the sources they were made of.
MADE_OF = "SOURCES"
# In a folder of bundles: the keys of the messages that a page may say.
KEYS = "{page}.keys.json"
# The styles of every page, before its own.
SHEETS = ("tokens", "base", "buy")
TEMPLATE = Path(__file__).parent / "page.html"
# Swagger UI draws the API's reference. Its files come with a package, so no CDN is asked.
SWAGGER_UI = Path(str(files("fastapi_swagger"))) / "resources"
REFERENCE_TEMPLATE = Path(__file__).parent / "reference.html"
# Each page is the script and the style of its name; the names are those of `settings.PAGES`.
ADDRESSES = {
    "/": "room",
    # Also a name with a slash: the page says that it is none.
    "/rooms/{room:path}": "room",
    "/wallet": "wallet",
    "/creator": "creator",
    "/operator": "operator",
    "/paid": "paid",
    "/events": "events",
}
REFERENCE = "docs"
VERSION_CHARACTERS = 12
# The drawings of all gifts and of the stage, in one file.
DRAWINGS = "drawings.json"
# Everything comes from here: no foreign script, style or font, and nothing inline.
SOURCES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; "
)
# And no string ever becomes markup.
POLICY = f"{SOURCES}require-trusted-types-for 'script'; trusted-types 'none'; "
# Swagger UI makes markup of strings, of our own document alone.
REFERENCE_POLICY = f"{SOURCES}img-src 'self' data:; frame-ancestors 'none'"
SHEET = '<link rel="stylesheet" href="/static/{name}.css">\n'
FACT = '<meta name="ovation-{name}" content="{value}">\n'
# The one script that pages of other origins may fetch: it makes elements that frame ours.
EMBED = STATIC / "embed.js"
PAGE_HEADERS = {
    **FILE_HEADERS,
    "Cache-Control": REVALIDATE,
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# A drawing of the brand that is opened by itself runs nothing.
BRAND_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
EMBED_HEADERS = {
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": REVALIDATE,
}


@dataclass(frozen=True, slots=True)
class Page:
    """The text of a page, and the same as it travels to those who take it compressed."""

    text: str
    compressed: Compressed | None

    def answer(self, asked: Headers) -> Response:
        if self.compressed and takes_compressed(asked):
            return self.compressed.answer()
        return HTMLResponse(self.text)


def make_page(text: str) -> Page:
    return Page(text, compress(text.encode(), "text/html; charset=utf-8"))


def read_drawings() -> dict[str, str]:
    """Return gifts' drawings by their ids, `plain` for gifts without one, and `scene/` drawings."""
    gifts, scene = (sorted((STATIC / folder).glob("*.svg")) for folder in ("gifts", "scene"))
    return {path.stem: path.read_text() for path in gifts} | {
        f"scene/{path.stem}": path.read_text() for path in scene
    }


def version_of(*folders: Path) -> str:
    """Return what changes whenever any file of the folders does."""
    seen = hashlib.sha256()
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            seen.update(f"{path.relative_to(folder)}\0".encode())
            seen.update(path.read_bytes())
    return seen.hexdigest()[:VERSION_CHARACTERS]


def has_bundles(sources: str) -> bool:
    """Return whether there are bundles, made of the sources of this version."""
    made_of = BUNDLES / MADE_OF
    return made_of.exists() and made_of.read_text().strip() == sources


def brand_files(brand: Brand) -> Files | None:
    """Return the files of the brand's folder, if there is one."""
    if brand.folder is None:
        return None
    headers = {"Content-Security-Policy": BRAND_POLICY}
    return Files([brand.folder], brand.version, kinds=BRAND_KINDS, headers=headers)


def page_headers(
    host_origins: str,
    *,
    picture_origins: str = "",
    player_origin: str = "",
    has_fonts: bool = False,
) -> dict[str, str]:
    """
    Return the headers of all pages.

    The sites of `host_origins` may frame them; pictures and films may come from `picture_origins`,
    and the player on the stage from `player_origin`.
    """
    pictures = f"'self' {picture_origins}".rstrip()
    fonts = "font-src 'self'; " if has_fonts else ""
    frames = f"frame-src {player_origin}; " if player_origin else ""
    ancestors = host_origins or "'none'"
    policy = (
        f"{POLICY}{fonts}{frames}img-src {pictures} data:; media-src {pictures}; "
        f"frame-ancestors {ancestors}"
    )
    return {**PAGE_HEADERS, "Content-Security-Policy": policy}


def home_of(off: Collection[str]) -> str:
    """Return the address of the first page that is there."""
    return next((path for path, name in ADDRESSES.items() if name not in off), "/")


def render_pages(
    *,
    version: str,
    is_bundled: bool,
    brand: Brand,
    facts: Mapping[str, str],
    languages: Mapping[str, Messages],
    off: Collection[str] = (),
) -> dict[tuple[str, str], Page]:
    """
    Return each page, by its address and its language.

    `facts` are what scripts know of this installation, each in a `meta` of its name; pages that
    are `off` are not there.
    """
    sheets = () if is_bundled else SHEETS
    metas = (FACT.format(name=name, value=html.escape(value)) for name, value in facts.items())
    template = (
        brand.dress(TEMPLATE.read_text())
        .replace("{{sheets}}", "".join(SHEET.format(name=name) for name in sheets))
        .replace("/static/", f"/static/{version}/")
        .replace("{{home}}", home_of(off))
        .replace("{{facts}}", "".join(metas))
    )
    return {
        (address, language): make_page(
            _translate(template.replace("{{name}}", name), name, language, messages)
        )
        for address, name in ADDRESSES.items()
        for language, messages in languages.items()
        if name not in off
    }


def page_facts(settings: Settings, languages: Iterable[str]) -> dict[str, str]:
    """Return what the pages' scripts know of this installation."""
    return {
        "host-origins": settings.host_origins,
        "runbooks": settings.runbooks_url,
        "claims": json.dumps([asdict(reading) for reading in settings.readings]),
        "languages": " ".join(languages),
        "player": settings.player_url,
        "pages-off": settings.pages_off,
    }


def _translate(template: str, name: str, language: str, messages: Messages) -> str:
    def translate(key: str) -> str:
        return html.escape(str(messages[key]))

    return (
        template.replace("{{language}}", language)
        .replace("{{direction}}", direction_of(language))
        .replace("{{title}}", translate(f"page:{name}"))
        .replace("{{skip}}", translate("page.skip"))
        .replace("{{needs_javascript}}", translate("page.needs-javascript"))
    )


def make_texts(languages: Mapping[str, Messages], *, is_bundled: bool) -> dict[str, str]:
    """Return the modules of messages, a page and language each, and the drawings of gifts."""
    made = {DRAWINGS: json.dumps(read_drawings())}
    for name in set(ADDRESSES.values()):
        keys = BUNDLES / KEYS.format(page=name)
        shown = frozenset(json.loads(keys.read_text())) if is_bundled else None
        for language, messages in languages.items():
            made[f"{name}.{language}.js"] = module_of(texts_of(messages, shown))
    for language, messages in languages.items():
        made[f"problems.{language}.js"] = module_of(problems_of(messages))
    # A page of a host, which imports a module of ours, names no page.
    made[f"languages/{DEFAULT}.js"] = module_of(texts_of(languages[DEFAULT], None))
    return made


def render_reference(
    *, version: str, swagger_version: str, brand: Brand, off: Collection[str] = ()
) -> Page | None:
    """Return the page of the API's reference, unless it is off."""
    if REFERENCE in off:
        return None
    page = REFERENCE_TEMPLATE.read_text()
    if "events" in off:
        page = page.replace('<a href="/events">Events</a>\n', "")
    return make_page(
        brand.dress(page)
        .replace("{{home}}", home_of(off))
        .replace("/static/", f"/static/{version}/")
        .replace("/swagger-ui/", f"/swagger-ui/{swagger_version}/")
    )


router = APIRouter(include_in_schema=False)


async def read_page(
    request: Request,
    pages: Annotated[dict[tuple[str, str], Page], from_state("pages")],
    languages: Annotated[dict[str, Messages], from_state("languages")],
    headers: Annotated[dict[str, str], from_state("page_headers")],
) -> Response:
    language = choose_language(request, languages)
    page = pages.get((request.scope["route"].name, language))
    if page is None:
        raise HTTPException(404)
    answer = page.answer(request.headers)
    answer.headers.update(headers)
    answer.headers.update(
        {"Content-Language": language, "Vary": f"{VARIES}, Accept-Language, Cookie"}
    )
    remember_language(request, answer, language)
    return answer


for address in ADDRESSES:
    router.add_api_route(address, read_page, name=address)


@router.get("/docs")
async def read_reference(
    request: Request, page: Annotated[Page | None, from_state("reference")]
) -> Response:
    """Show the whole API. Only this page has a policy of its own."""
    if page is None:
        raise HTTPException(404)
    answer = page.answer(request.headers)
    answer.headers.update({**PAGE_HEADERS, "Content-Security-Policy": REFERENCE_POLICY})
    answer.headers["Vary"] = VARIES
    return answer


@router.get("/embed.js")
async def read_embed() -> Response:
    """Give pages of host applications the elements that frame ours."""
    return FileResponse(EMBED, headers=EMBED_HEADERS)


@router.get("/people.json")
async def read_people(people: Annotated[dict[str, Any], from_state("people")]) -> dict[str, Any]:
    """List the people to sign in as; of no use without a development issuer."""
    return people
