"""
What the images hold, as somebody who broke into one would look around.

No scanner of images can be had everywhere, so this is a look with find and a list; the bill
(`/app/sbom.cdx.json`) is what a scanner of yours reads. `make journey` runs it.
"""

import json
import subprocess
from pathlib import Path

import pytest

from deploy.config.services import SERVICES
from deploy.harness.containers import engine_answers

ROOT = Path(__file__).parent.parent.parent
NEVER_THERE = (
    *("gcc", "cc", "g++", "c++", "clang", "make", "ld", "as"),
    *("pip", "pip3", "uv", "uvx", "git", "curl", "wget", "ssh", "nc", "gpg"),
)

# Runs inside, as root, so that nothing is hidden from it.
LOOK = """
import importlib.metadata, json, os, shutil, stat, sys

found = {"becoming": [], "writable": [], "private": [], "cached": [], "mapped": []}
for folder, below, names in os.walk("/"):
    if folder == "/":
        below[:] = [name for name in below if name not in ("proc", "sys", "dev")]
    for name in [*below, *names]:
        path = os.path.join(folder, name)
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            continue
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o6000:
            found["becoming"].append(path)
        if status.st_mode & 0o002 and not status.st_mode & stat.S_ISVTX:
            found["writable"].append(path)
        if name in (".git", ".env", "secrets", "20-users.json", ".netrc", ".pypirc") or (
            folder.startswith("/app") and name == "tests" and "site-packages" not in folder
        ):
            found["private"].append(path)
        if name.endswith((".pem", ".key", ".p12", ".pfx")) or name.startswith("id_"):
            if stat.S_ISREG(status.st_mode) and b"PRIVATE KEY" in open(path, "rb").read():
                found["private"].append(path)
        # A library may have data of its own as an archive, as dateutil has time zones.
        archive = name.endswith(".tar.gz") and "site-packages" not in folder
        if archive or name.endswith((".deb", "_Packages", ".whl")) or name == "pip":
            found["cached"].append(path)
        if name in (".cache", "uv-cache"):
            found["cached"].append(path)
found["tools"] = [name for name in sys.argv[1:] if shutil.which(name)]
found["installed"] = sorted(
    [each.name.lower().replace("_", "-").replace(".", "-"), each.version]
    for each in importlib.metadata.distributions(path=[p for p in sys.path if "/app/" in p])
)
found["bill"] = json.load(open("/app/sbom.cdx.json"))
print(json.dumps(found))
"""

pytestmark = [
    pytest.mark.compose,
    pytest.mark.skipif(not engine_answers(), reason="NO DOCKER ENGINE ANSWERS: no image looked at"),
]


@pytest.fixture(scope="module", params=(*SERVICES, "tools"))
def image(request):
    """One image, built from what is here; the layers are those of the journey."""
    name = f"localhost/ovation/{request.param}:looked-at"
    chosen = (
        ["--target=tools"]
        if request.param == "tools"
        else [
            f"--build-arg=SERVICE={request.param}",
            f"--build-arg=PACKAGES={SERVICES[request.param].packages}",
        ]
    )
    command = ["docker", "build", "-q", *chosen, "-t", name, "-f", "deploy/Dockerfile", "."]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "rmi", name], check=True, capture_output=True)


@pytest.fixture(scope="module")
def inside(image):
    look = ["docker", "run", "--rm", "-i", "--network=none", "-u=0", "--entrypoint=python", image]
    command = [*look, "-", *NEVER_THERE]
    seen = subprocess.run(command, input=LOOK, check=True, capture_output=True, text=True)
    return json.loads(seen.stdout)


def test_nobody_becomes_somebody_else(inside):
    assert inside["becoming"] == []


def test_nothing_is_everybodys_to_write(inside):
    assert inside["writable"] == []


def test_nothing_builds_fetches_or_installs_software(inside):
    assert inside["tools"] == []
    assert inside["cached"] == []


def test_nothing_private_was_left_in_it(inside):
    assert inside["private"] == []


def test_its_bill_is_what_is_installed(inside):
    """What the lock has for other systems is in the bill too, with the condition beside it."""
    billed = {
        (each["name"], each["version"]): {it["name"] for it in each.get("properties", ())}
        for each in inside["bill"]["components"]
    }
    always = {it for it, properties in billed.items() if "uv:package:marker" not in properties}

    # The tools are installed as a project, so that `ovationctl` is there; the bill is of it.
    own = inside["bill"]["metadata"]["component"]
    installed = set(map(tuple, inside["installed"])) - {(own["name"], own["version"])}
    assert installed
    assert always <= installed <= set(billed)


def test_its_size_is_told(image):
    command = ["docker", "image", "inspect", "-f", "{{.Size}} {{.Config.User}}", image]
    seen = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    print(f"\n{image}: {int(seen[0]) // 1_000_000} MB")
    assert seen[1] == "10001:10001"
