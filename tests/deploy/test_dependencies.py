"""A known vulnerability stops us until somebody says why it may not; the bill is the lock."""

import json
import re
import threading
import tomllib
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.dependencies import Accepted, accepted, audit, write_bill
from deploy.harness.ports import free_port

ROOT = Path(__file__).parent.parent.parent
DEPENDENCY, VULNERABILITY = "sqlalchemy", "GHSA-made-up-here"


class _Handler(BaseHTTPRequestHandler):
    """Answers as https://google.github.io/osv.dev/api/ does: one package is not as it should be."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        bad = {"vulns": [{"id": VULNERABILITY, "modified": "2026-01-01T00:00:00Z"}]}
        names = [each["package"]["name"] for each in asked]
        self._answer({"results": [bad if name == DEPENDENCY else {} for name in names]})

    def do_GET(self):
        package = {"name": DEPENDENCY, "ecosystem": "PyPI"}
        events = [{"introduced": "0"}]
        affected = {"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
        about = {"id": VULNERABILITY, "modified": "2026-01-01T00:00:00Z", "affected": [affected]}
        self._answer(about)

    def _answer(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing about each request."""


@pytest.fixture(scope="module")
def osv():
    """A database of vulnerabilities that knows one."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_known_vulnerability_stops_us(osv, capfd):
    assert not audit([], url=osv)
    assert VULNERABILITY in capfd.readouterr().out


def test_one_that_was_thought_through_does_not_until_its_day(osv):
    today = datetime.now(UTC).date()
    tomorrow, yesterday = (today + timedelta(days=days) for days in (1, -1))

    assert audit([Accepted(VULNERABILITY, "we never call it", tomorrow)], url=osv)
    assert not audit([Accepted(VULNERABILITY, "we never call it", yesterday)], url=osv)


def test_without_a_network_nothing_is_audited_and_everybody_is_told(capfd):
    assert audit([], url=f"http://127.0.0.1:{free_port()}/")
    assert "NOTHING WAS AUDITED" in capfd.readouterr().out


def test_what_is_accepted_has_a_reason_and_a_day(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text(
        f'[[tool.ovation.accepted]]\nid = "{VULNERABILITY}"\nreason = "..."\nuntil = 2026-12-31\n'
    )
    assert accepted(project) == [Accepted(VULNERABILITY, "...", date(2026, 12, 31))]
    project.write_text(f'[[tool.ovation.accepted]]\nid = "{VULNERABILITY}"\n')
    with pytest.raises(TypeError):
        accepted(project)

    assert all(each.reason for each in accepted())


def test_what_installs_the_rest_is_named_in_one_place_with_the_hashes_of_its_files():
    (requirement,) = (ROOT / "deploy" / "uv.txt").read_text().split("\nuv==")[1:]
    version, *hashes = re.split(r" \\\n    --hash=sha256:", requirement.strip())

    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    # A wheel for each of the platforms; PyPI has a dozen and a half.
    assert len(hashes) > 10
    assert all(re.fullmatch(r"[0-9a-f]{64}", each) for each in hashes)


@pytest.mark.parametrize("name", ["Makefile", "deploy/Dockerfile", ".ci/run"])
def test_nothing_is_installed_whose_files_are_not_known(name):
    """Whatever is installed by pip has hashes beside it; a source would bring what has none."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    commands = re.findall(r"pip install .*", text)

    assert all("--require-hashes --only-binary=:all:" in each for each in commands), commands
    assert bool(commands) == (name != ".ci/run")
    assert not re.search(r"uv tool|uvx|npm install|curl .*\| *(ba)?sh", text)
    assert "sync" not in text or "--frozen" in text


def test_the_bill_names_every_package_of_the_images_with_its_hashes(tmp_path):
    write_bill(tmp_path / "sbom.cdx.json")
    bill = json.loads((tmp_path / "sbom.cdx.json").read_text())
    locked = {
        (each["name"], each["version"])
        for each in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {re.split(r"[>\[]", each)[0] for each in project["project"]["dependencies"]}

    billed = {(each["name"], each["version"]): each for each in bill["components"]}
    assert bill["bomFormat"] == "CycloneDX"
    assert wanted <= {name for name, _ in billed} < {name for name, _ in locked}
    assert set(billed) < locked
    assert "pytest" not in {name for name, _ in billed}
    for component in billed.values():
        assert all(place["hashes"] for place in component["externalReferences"])


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_every_package_of_the_images_has_a_wheel_for_both_architectures(architecture, tmp_path):
    """Images have no compiler, and are released for both."""
    write_bill(tmp_path / "sbom.cdx.json")
    billed = json.loads((tmp_path / "sbom.cdx.json").read_text())["components"]
    names = {
        each["name"]
        for each in billed
        if not any(it["name"] == "uv:package:marker" for it in each.get("properties", ()))
    }
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    # The Python of the images, any later one, or any at all.
    wanted = re.compile(
        rf"-(cp313-cp313|cp3\d+-abi3|py3-none)-[\w.]*manylinux[\w.]*_{architecture}[\w.]*\.whl$"
        r"|-(py2\.)?py3-none-any\.whl$"
    )

    without = [
        each["name"]
        for each in locked
        if each["name"] in names
        and not any(wanted.search(wheel["url"]) for wheel in each.get("wheels", ()))
    ]

    assert not without


def test_uv_builds_the_project_with_what_is_in_it():
    """It has a backend of its own version: for another one it would fetch a package, unchecked."""
    (uv,) = re.findall(r"^uv==(\S+)", (ROOT / "deploy" / "uv.txt").read_text(), re.MULTILINE)
    (wanted,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]

    least, below = re.fullmatch(r"uv_build>=([\d.]+),<([\d.]+)", wanted).groups()
    assert _numbers(least) <= _numbers(uv) < _numbers(below)


def _numbers(version):
    return tuple(map(int, version.split(".")))
