"""
Firefox and WebKit, as Debian has them, by the commands of W3C WebDriver.

Playwright drives builds of its own, which no package brings. WebKit's driver speaks HTTP; Firefox
takes the same commands over Marionette, its own socket, without a driver beside it.
"""

import base64
import json
import os
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from deploy.harness.ports import free_port

FIREFOX = "firefox-esr"
WEBKIT = "WebKitWebDriver"
SCREEN = "Xvfb"
# Debian has it in no folder of programs.
MINI_BROWSER = "lib/*/webkit2gtk-4.1/MiniBrowser"
SECONDS_MAX = 60
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
# Address of the command over HTTP, and its name over Marionette.
COMMANDS = {
    "url": "Navigate",
    "execute/sync": "ExecuteScript",
    "execute/async": "ExecuteAsyncScript",
    "element": "FindElement",
    "frame": "SwitchToFrame",
    "window": "SwitchToWindow",
    "window/rect": "SetWindowRect",
}
VISIBLE = """
    const found = [...document.querySelectorAll(arguments[0])].filter(
        (each) => each.getClientRects().length && each.textContent.includes(arguments[1])
        && !each.disabled);
    return found[0] ?? null;
"""


class WebDriverError(Exception):
    """The browser refused a command."""


class Http:
    """WebKit's driver."""

    def __init__(self, origin, binary):
        self.client = httpx.Client(timeout=SECONDS_MAX)
        self.base = f"{origin}/session"
        options = {"binary": str(binary), "args": ["--automation"]}
        wanted = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        self.base += f"/{self._ask('POST', '', capabilities=wanted)['sessionId']}"

    def __call__(self, command, **facts):
        return self._ask("POST", f"/{command}", **facts)

    def element(self, reference, verb, **facts):
        return self._ask("POST", f"/element/{reference[ELEMENT]}/{verb}", **facts)

    def screenshot(self):
        return self._ask("GET", "/screenshot")

    def windows(self):
        return self._ask("GET", "/window/handles")

    def close(self):
        self._ask("DELETE", "")
        self.client.close()

    def _ask(self, method, path, **facts):
        body = json.dumps(facts) if method == "POST" else None
        answer = self.client.request(method, f"{self.base}{path}", content=body).json()["value"]
        if isinstance(answer, dict) and "error" in answer:
            raise WebDriverError(f"{path}: {answer['error']}: {answer['message']}")
        return answer


class Marionette:
    """Firefox: each message is a JSON array, after its length and a colon."""

    def __init__(self, port):
        self.socket = _connected(port)
        self.bytes = self.socket.makefile("rb")
        self._read()
        self.count = 0
        self._ask("WebDriver:NewSession", capabilities={})

    def __call__(self, command, **facts):
        if command == "frame":
            reference = facts.pop("id")
            facts["element"] = reference and reference[ELEMENT]
        if command == "element":
            # The only answer that is in a box of its own.
            return self._ask("WebDriver:FindElement", **facts)
        return self._ask(f"WebDriver:{COMMANDS[command]}", **facts)

    def element(self, reference, verb, **facts):
        name = {"click": "ElementClick", "value": "ElementSendKeys"}[verb]
        return self._ask(f"WebDriver:{name}", id=reference[ELEMENT], **facts)

    def screenshot(self):
        return self._ask("WebDriver:TakeScreenshot", full=False)

    def windows(self):
        return self._ask("WebDriver:GetWindowHandles")

    def close(self):
        self._ask("Marionette:Quit", flags=["eForceQuit"])
        self.bytes.close()
        self.socket.close()

    def _ask(self, name, **facts):
        self.count += 1
        text = json.dumps([0, self.count, name, facts]).encode()
        self.socket.sendall(b"%d:%b" % (len(text), text))
        _, _, error, value = self._read()
        if error:
            raise WebDriverError(f"{name}: {error['error']}: {error['message']}")
        return value["value"] if isinstance(value, dict) and [*value] == ["value"] else value

    def _read(self):
        digits = b""
        while (one := self.bytes.read(1)) != b":":
            digits += one
        return json.loads(self.bytes.read(int(digits)))


class Browser:
    """What a test does with either."""

    def __init__(self, send):
        self.send = send

    def open(self, address):
        self.send("url", url=address)

    def run(self, script, *arguments):
        return self.send("execute/sync", script=script, args=[*arguments])

    def until(self, script, *arguments):
        """Run a script again until it returns something true; return that."""
        deadline = time.monotonic() + SECONDS_MAX
        while not (found := self.run(script, *arguments)):
            if time.monotonic() > deadline:
                raise AssertionError(f"it never came to that: {script} {arguments}")
            time.sleep(0.1)
        return found

    def seen(self, selector, text=""):
        """Wait until something is there and can be used."""
        return self.until(VISIBLE, selector, text)

    def click(self, selector, text=""):
        """Click as people do, once nothing lies over it any more."""
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            try:
                return self.send.element(self.seen(selector, text), "click")
            except WebDriverError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def type(self, selector, text):
        self.send.element(self.seen(selector), "value", text=text)

    @contextmanager
    def frame(self, selector):
        """Be inside a frame, also one in the shadow of an element: a script finds it."""
        self.send("frame", id=self.until(f"return {selector} ?? null"))
        yield
        self.send("frame", id=None)

    def size(self, width, height):
        """Give the page so much room as far as the window can; say how much it is."""
        for _ in range(2):
            inner, outer = self.run("return [[innerWidth, innerHeight], [outerWidth, outerHeight]]")
            more = [wanted - is_now for wanted, is_now in zip((width, height), inner, strict=True)]
            self.send("window/rect", width=outer[0] + more[0], height=outer[1] + more[1])
        return self.run("return [innerWidth, innerHeight]")

    def keep(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.send.screenshot()))


def _connected(port):
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@contextmanager
def _running(*command, **environment):
    with subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def firefox(program, folder):
    """Start Firefox without a window, with a profile in this folder."""
    port = free_port()
    preferences = {
        "marionette.port": port,
        "intl.accept_languages": "en-US",
        "datareporting.policy.dataSubmissionEnabled": False,
        "browser.shell.checkDefaultBrowser": False,
    }
    lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in preferences.items()]
    (folder / "user.js").write_text("".join(lines))
    command = (program, "--headless", "--no-remote", "--marionette", "--profile", folder)
    with _running(*command, HOME=str(folder)):
        send = Marionette(port)
        try:
            yield Browser(send)
        finally:
            send.close()


@contextmanager
def webkit(program, screen, _folder):
    """Start WebKit's own browser on a screen that nobody sees."""
    (binary, *_) = Path("/usr").glob(MINI_BROWSER)
    port = free_port()
    with ExitStack() as ending:
        reader, writer = os.pipe()
        ending.callback(os.close, reader)
        shown = subprocess.Popen(
            [str(screen), "-displayfd", str(writer), "-screen", "0", "1600x1200x24"],
            pass_fds=[writer],
            stderr=subprocess.DEVNULL,
        )
        ending.callback(shown.wait)
        ending.callback(shown.terminate)
        os.close(writer)
        name = os.read(reader, 16).decode().strip()
        look = {"DISPLAY": f":{name}", "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1"}
        look |= {"LANGUAGE": "en_US", "LC_ALL": "C.UTF-8"}
        ending.enter_context(_running(program, f"--port={port}", **look))
        _connected(port).close()
        send = Http(f"http://127.0.0.1:{port}", binary)
        ending.callback(send.close)
        yield Browser(send)
