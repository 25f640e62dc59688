"""
The documentation as a site: what MkDocs asks for while it builds (`make site`).

A page has the same place in the site's sources as in the repository, so a link is right in both.
What the README and `docs/` link to is copied, of any kind. The map of `docs/README.md` is the
navigation. Mermaid and Swagger UI are in the site: its pages ask no other host for anything.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from markdown import Markdown
from markdown.extensions import Extension
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

from services.web.brand import Brand
from services.web.pages import REFERENCE_TEMPLATE, STATIC, SWAGGER_UI

ROOT = Path(__file__).parent.parent.parent
MAP = ROOT / "docs" / "README.md"
HERE = Path(__file__).parent
MERMAID = HERE / "node_modules" / "@mermaid-js" / "tiny" / "dist" / "mermaid.tiny.js"
# The page about the API, and where beside it the reference is.
API, REFERENCE = "docs/api.md", "docs/reference"
OPENAPI = "deploy/gateway/openapi.json"
LINK = re.compile(r"(?<=\]\()([^)\s#]+)(?=[)#])")
# What the page of the reference asks the gateway for, and where the site has it.
MOVED = {
    '"/swagger-ui/': '"',
    '"/static/': '"',
    '"/docs"': '"./"',
    '"/events"': '"../events/"',
    '"/openapi.json"': f'"../{OPENAPI}"',
    '"/"': '"../"',
    "<body>": "<body data-read-only>",
}


class ListsOfThreeSpaces(Extension):  # type: ignore[misc] # a library without types
    """Take what is indented by three spaces as part of a list, as GitHub does."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the library's name
        md.tab_length = 3
        # What parses blocks was built before, with the usual four.
        md.build_parser()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Read the navigation from the map; offer other versions where there are some."""
    # The first of all: the others add to what it builds.
    config.markdown_extensions.insert(0, ListsOfThreeSpaces())
    if "MIKE_DOCS_VERSION" in os.environ:
        # There are other versions beside this one, and a list of them.
        config.extra["version"] = {"provider": "mike", "default": "latest"}
    config.nav = ["README.md", "docs/README.md", *_sections()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take the files of the repository in place of those of `docs/` alone."""
    found = _linked()
    theme = [file for file in files if file.src_dir != config.docs_dir]
    return Files(
        [
            *theme,
            *(_folder(path, config) for path in found if path.is_dir()),
            *(_file(path, config) for path in found if path.is_file()),
            *_assets(config),
        ]
    )


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - called by names
    """Let a link to a folder lead to its page, and the page of the API to the reference."""
    here = (ROOT / page.file.src_uri).parent
    # A title is the first line, so what says how the page is made goes.
    markdown = re.sub(r"^<!--.*?-->\s*", "", markdown)
    text = LINK.sub(
        lambda link: f"{link[0]}.md" if (here / link[0]).is_dir() else link[0], markdown
    )
    if page.file.src_uri == API:
        text += "\n[Open the reference of every route](reference/index.html){ .md-button }\n"
    return text


def _sections() -> Iterator[dict[str, list[str]]]:
    """Yield each section of the map with its pages, each once."""
    taken = {"README.md"}
    for section in MAP.read_text().split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        places = [str(path.relative_to(ROOT)) for path in _targets(text, MAP.parent)]
        pages = [place for place in dict.fromkeys(places) if place not in taken]
        taken.update(pages)
        yield {title: pages}


def _linked() -> list[Path]:
    """Return the README, what it and each page below `docs/` link to, and what that links to."""
    found: set[Path] = set()
    new = {ROOT / "README.md", ROOT / OPENAPI, *(ROOT / "docs").rglob("*.md")}
    while new:
        path = new.pop()
        found.add(path)
        if path.suffix == ".md":
            new |= set(_targets(path.read_text(), path.parent)) - found
    return sorted(found)


def _targets(text: str, folder: Path) -> list[Path]:
    places = [place for place in LINK.findall(text) if ":" not in place]
    return [(folder / place).resolve() for place in places]


def _file(path: Path, config: MkDocsConfig) -> File:
    place = path.relative_to(ROOT).as_posix()
    file = File(
        place, str(ROOT), config.site_dir, use_directory_urls=True, dest_uri=_address(place)
    )
    # Also where its name begins with a dot.
    file.inclusion = InclusionLevel.INCLUDED
    return file


def _address(place: str) -> str:
    """Return where the site has a file: pages of `docs/` at its root, without their suffix."""
    if place.endswith(".html"):
        # An example is read here; run, it would fetch from the reader's own machine.
        return f"{place}.txt"
    if not place.endswith(".md"):
        return place
    name = place.removeprefix("docs/").removesuffix(".md").removesuffix("README").lower().strip("/")
    if place == "docs/README.md":
        name = "map"
    if place == "shared/contracts/EVENTS.md":
        name = "events"
    return f"{name}/index.html".lstrip("/")


def _folder(path: Path, config: MkDocsConfig) -> File:
    """Return a page with the text of the files of a folder."""
    place = path.relative_to(ROOT).as_posix()
    blocks = [
        f"## {each.name}\n\n```{each.suffix.removeprefix('.')}\n{each.read_text()}\n```"
        for each in sorted(path.glob("*.*"))
    ]
    file = File.generated(config, f"{place}.md", content="\n\n".join([f"# {place}", *blocks]))
    file.inclusion = InclusionLevel.NOT_IN_NAV
    return file


def _assets(config: MkDocsConfig) -> Iterator[File]:
    """Yield Mermaid, and the reference of the API as the gateway shows it."""
    yield File.generated(config, "assets/mermaid.js", abs_src_path=str(_mermaid()))
    yield File.generated(config, "assets/logo.svg", abs_src_path=str(STATIC / "logo.svg"))
    page = Brand().dress(REFERENCE_TEMPLATE.read_text()).replace("{{home}}", "/")
    for served, here in MOVED.items():
        page = page.replace(served, here)
    beside = (SWAGGER_UI / "swagger-ui.css", SWAGGER_UI / "swagger-ui-bundle.js")
    for path in (
        *beside,
        *(STATIC / name for name in ("reference.css", "reference.js", "logo.svg")),
    ):
        name = f"{REFERENCE}/{path.name}"
        yield _beside_pages(File.generated(config, name, abs_src_path=str(path)))
    yield _beside_pages(File.generated(config, f"{REFERENCE}/index.html", content=page))


def _beside_pages(file: File) -> File:
    """Return a file of `docs/` at its address of the site."""
    file.dest_uri = file.src_uri.removeprefix("docs/")
    return file


def _mermaid() -> Path:
    """Return Mermaid, which npm installs when it is first needed."""
    if not MERMAID.exists():
        if not shutil.which("npm"):
            raise PluginError(
                "npm is missing, which installs Mermaid. Debian, Ubuntu: apt install npm"
            )
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=HERE, check=True)  # noqa: S603 - as it is written here
    return MERMAID
