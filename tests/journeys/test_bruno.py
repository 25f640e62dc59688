"""The tour of the Bruno collection passes in a running system, with every operation beside it."""

import json
import os
import shutil
import subprocess
from uuid import uuid4

import pytest

from deploy.bruno.__main__ import COLLECTION, OPENAPI, bru, build

TOUR = sorted(path.stem for path in (COLLECTION / "Tour").glob("[0-9]*.bru"))


@pytest.fixture(scope="module")
def program():
    """Bruno's program, which is fetched when it is first needed."""
    if not shutil.which("npm"):
        if os.environ.get("CI") == "true":
            pytest.fail("npm is missing: the Bruno collection cannot be tested")
        pytest.skip("THE BRUNO COLLECTION WAS NOT TESTED: npm, which fetches Bruno, is missing")
    return bru()


@pytest.fixture(scope="module")
def collection(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bruno") / "collection"
    build(folder)
    return folder


def test_the_tour_of_the_collection_passes(system, program, collection, tmp_path):
    # People and a room that no other test of this system knows.
    own = uuid4().hex[:8]
    told = {"baseUrl": system.gateway_url, "viewer": f"mira-{own}", "creator": f"lea-{own}"}
    told["room"] = f"room-1-{own}"
    variables = [part for name, value in told.items() for part in ("--env-var", f"{name}={value}")]
    report = tmp_path / "report.json"
    run = subprocess.run(
        [program, "run", "Tour", "--env", "practice", *variables, "--reporter-json", report],
        check=False,
        cwd=collection,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    results = json.loads(report.read_text())[0]["results"]
    assert [each["name"] for each in results] == TOUR
    assert all(each["assertionResults"] for each in results)


def test_every_operation_has_a_request(collection):
    api = json.loads(OPENAPI.read_text())["paths"]
    requests = [path for path in collection.rglob("*.bru") if "tags: [" in path.read_text()]

    assert len(requests) == sum(len(operations) for operations in api.values())
    assert (collection / "gifts" / "Send a gift.bru").exists()
