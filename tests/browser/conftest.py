"""A real browser before the running system: pages as people see them, and what they complain of."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

from deploy.harness.packages import find, require
from deploy.harness.processes import ServerFailed
from tests.journeys.people import Stage

HERE = Path(__file__).parent
SCREENSHOTS = HERE.parent.parent / ".bench" / "screenshots"
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
# Two busy cores and no graphics card: a page may take its time.
TIMEOUT_MILLISECONDS = 45_000
# Another machine's name for this one: to a browser it is no secure context, as in any LAN.
LAN_HOST = "coins.lan"
ARGUMENTS = [
    f"--host-resolver-rules=MAP {LAN_HOST} 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What a browser writes for any answer that refuses something, however well the page takes it.
REFUSED = "Failed to load resource: the server responded with a status of 4"
VIEWER = {"roles": ["viewer"], "country": "US", "age_verified": 30}
CREATOR = {"roles": ["creator"], "country": "FR", "age_verified": 28}


def missing(what):
    """Skip, loudly; but where everything has to be tested, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}: the pages cannot be tested")
    pytest.skip(f"THE PAGES WERE NOT TESTED: {what}")


# No longer than a module: while it is open the thread has a loop, and asynchronous tests have none.
@pytest.fixture(scope="module")
def browser():
    try:
        program = find("chromium") or require("chromium", "chromium")
    except ServerFailed as error:
        missing(str(error).splitlines()[0])
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, which is fetched when it is first needed."""
    if not AXE.exists():
        if not shutil.which("npm"):
            missing("npm, which fetches axe-core, is not installed")
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    return AXE.read_text()


@pytest.fixture
def stage(system):
    opened = NamedStage(system)
    try:
        yield opened
    finally:
        opened.leave()


class NamedStage(Stage):
    """People whose pages others can see by their names."""

    def person(self, name, /, **claims):
        person = super().person(name, **claims)
        person.introduce()
        return person


class Visitor:
    """Somebody with a browser of their own, signed in as the host application would do it."""

    def __init__(self, browser, system, *, width=1360, height=900, scheme="dark", motion=None):
        self.context = browser.new_context(
            base_url=system.gateway_url,
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion=motion,
            locale="en-US",
        )
        self.context.set_default_timeout(TIMEOUT_MILLISECONDS)
        self.page = self.context.new_page()
        self.complaints = []
        # What a test knows the browser will say, however well the page takes it.
        self.ignored = (REFUSED,)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sign_in(self, token):
        self.context.add_init_script(
            f"sessionStorage.getItem('ovation.token')"
            f" ?? sessionStorage.setItem('ovation.token', '{token}')"
        )
        return self

    def open(self, path):
        self.page.goto(path)
        self.page.wait_for_selector("#main > *")
        return self.page

    def keep(self, name, *, whole=False):
        """Keep a picture for people to look at."""
        (SCREENSHOTS / name).parent.mkdir(parents=True, exist_ok=True)
        if whole:
            self.page.evaluate("scrollTo(0, 0)")
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)

    def _note(self, message):
        if message.type == "error" and not message.text.startswith(self.ignored):
            self.complaints.append(message.text)


@pytest.fixture
def visitor(browser, system):
    """Open browsers for people; at the end none of their pages may have complained."""
    opened = []

    def arrive(user=None, *, claims=None, **look):
        person = Visitor(browser, system, **look)
        opened.append(person)
        if user is not None:
            person.sign_in(system.token(user, **(claims or VIEWER)))
        return person

    yield arrive
    complaints = [complaint for person in opened for complaint in person.complaints]
    for person in opened:
        person.context.close()
    assert complaints == []


@contextmanager
def paying(page, card=None):
    """Whatever is done inside opens the provider's page; pay there, as a person would."""
    with page.context.expect_page() as opened:
        yield
    provider = opened.value
    if card:
        provider.get_by_label("Card number").fill(card)
    provider.get_by_role("button", name="Pay").click()
    provider.wait_for_url("**/paid?purchase=*")
    try:
        provider.close()
    except Error:
        assert provider.is_closed()
