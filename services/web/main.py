"""Wires the web service together, and runs it."""

import tomllib

import uvicorn
from fastapi import FastAPI

from services.web import files, languages, pages, problems
from services.web.brand import read_brand
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
    sources = pages.version_of(pages.STATIC)
    is_bundled = pages.has_bundles(sources)
    texts = languages.fill_in_english(languages.read_languages())
    made_of = (pages.BUNDLES if is_bundled else pages.STATIC, languages.FOLDER, pages.VENDOR)
    version = pages.version_of(*made_of)
    swagger_version = pages.version_of(pages.SWAGGER_UI)
    brand = read_brand(settings.name, settings.brand_folder, pages.version_of)
    off = settings.pages_off.split()
    app.state.brand = brand
    app.state.pages_off = off
    app.state.pages = pages.render_pages(
        version=version,
        is_bundled=is_bundled,
        brand=brand,
        facts=pages.page_facts(settings, texts),
        languages=texts,
        off=off,
    )
    app.state.reference = pages.render_reference(
        version=version, swagger_version=swagger_version, brand=brand, off=off
    )
    app.state.languages = texts
    app.state.page_headers = pages.page_headers(
        settings.host_origins,
        picture_origins=settings.picture_origins,
        player_origin=settings.player_origin,
        has_fonts=brand.folder is not None,
    )
    people = settings.people_file
    app.state.people = tomllib.loads(people.read_text()) if people else {}
    app.include_router(pages.router)
    app.include_router(problems.router)
    problems.show_wrong_addresses(app)
    folders = [*([pages.BUNDLES] if is_bundled else []), pages.STATIC, pages.VENDOR]
    made = pages.make_texts(texts, is_bundled=is_bundled)
    app.mount("/static", files.Files(folders, version, made), name="static")
    app.mount("/swagger-ui", files.Files([pages.SWAGGER_UI], swagger_version), name="swagger-ui")
    if branded := pages.brand_files(brand):
        app.mount("/brand", branded, name="brand")
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
