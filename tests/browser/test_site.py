"""The documentation as a site: complete, without a broken link, and from one place alone."""

import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from deploy.docs.tour import ROOT
from tests.browser.conftest import TIMEOUT_MILLISECONDS, missing
from tests.browser.test_references import open_tag

ROLES = sorted(path.stem for path in (ROOT / "docs" / "roles").glob("*.md"))
# What a browser fetches by itself; links of people may lead anywhere.
FETCHED = re.compile(
    r'<(?:script|img|iframe|source)[^>]* src="?(https?:)?//|<link[^>]* href="?http[^>]*>'
)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as `make site` does, elsewhere."""
    if not shutil.which("npm"):
        missing("npm, which fetches Mermaid, is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture
def address(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser, address):
    """Open a page that asks no other host, and complains of nothing."""
    asked, complaints = [], []
    context = browser.new_context(base_url=address)
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    yield page
    context.close()
    # The search is a worker, and a picture may be in a style.
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert complaints == []


def test_every_page_of_the_documentation_is_in_the_site_and_fetches_from_there_alone(site):
    pages = {path.parent.relative_to(site).as_posix() for path in site.rglob("index.html")}
    docs = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    expected = {
        path.parent.as_posix() if path.name == "README.md" else path.with_suffix("").as_posix()
        for path in docs
    }

    assert expected <= pages
    assert {"events", "reference", "changelog", "contributing", "deploy/examples"} <= pages
    for path in site.rglob("*.html"):
        fetched = [found[0] for found in FETCHED.finditer(path.read_text())]
        assert [each for each in fetched if 'rel="canonical"' not in each] == [], path


def test_the_first_tab_of_the_site_has_a_page_for_each_role(site):
    text = (site / "map" / "index.html").read_text()

    assert len(ROLES) == 7
    for role in ROLES:
        assert f"roles/{role}/" in text


def test_a_diagram_is_drawn_without_another_host(page):
    page.goto("/architecture/")

    # The diagram itself is behind a closed shadow root.
    expect(page.locator("div.mermaid").first).to_be_visible(timeout=TIMEOUT_MILLISECONDS)
    expect(page.locator("pre.mermaid")).to_have_count(0, timeout=TIMEOUT_MILLISECONDS)


def test_the_reference_of_the_api_is_in_the_site_to_be_read(page):
    page.goto("/reference/")
    open_tag(page, "gifts", filtered_by="/v1/gifts")
    page.locator(".opblock-post .opblock-summary-control").first.click()

    expect(page.locator(".opblock-post").first).to_contain_text("Idempotency-Key")
    expect(page.get_by_role("button", name="Try it out")).to_have_count(0)


def test_the_search_finds_an_event_by_the_name_of_a_field(page):
    page.goto("/")
    # The search listens to keys, and to those alone once its index is loaded.
    ready = page.locator(".md-search-result__meta")
    expect(ready).to_have_text("Type to start searching", timeout=TIMEOUT_MILLISECONDS)
    page.get_by_role("textbox", name="Search").press_sequentially("partitionkey")

    found = page.locator(".md-search-result__link").first
    expect(found).to_be_visible(timeout=TIMEOUT_MILLISECONDS)
