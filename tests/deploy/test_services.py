"""One table registers services; what names them elsewhere, by necessity, names the same."""

import json
import re
import tomllib
from pathlib import Path

from deploy.config.services import DATABASES, PRACTICE, PUBLIC, REPUBLISHING, ROLLED, SERVICES
from deploy.ctl.replays import OWNERS
from deploy.gateway.nginx import ROUTES
from deploy.harness.gateway import OPENAPI_FILE
from shared.contracts.routes import QUEUES
from shared.contracts.routes import SERVICES as ON_THE_BROKER

ROOT = Path(__file__).parent.parent.parent


def test_every_folder_of_services_is_in_the_table():
    assert {path.parent.name for path in ROOT.glob("services/*/main.py")} == set(SERVICES)


def test_what_other_teams_install_names_the_services_of_the_table():
    assert ON_THE_BROKER == DATABASES
    assert {queue.partition(".")[0] for queue in QUEUES} <= set(DATABASES)


def test_the_layers_of_every_service_are_checked():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layered = {name for each in contracts["contracts"] for name in each.get("containers", ())}

    assert {f"services.{name}" for name in SERVICES} <= layered


def test_every_service_of_an_installation_is_rolled():
    assert sorted(ROLLED) == sorted(PUBLIC)
    assert not set(PRACTICE) & set(ROLLED)


def test_no_two_services_have_the_same_route():
    patterns = [pattern for pattern, _ in ROUTES]

    assert len(set(patterns)) == len(patterns)
    for pattern in patterns:
        assert re.compile(pattern)


def test_every_path_of_the_public_contract_leads_to_one_service():
    """What leads to none ends at the pages, where there is nothing at its address."""
    paths = json.loads(OPENAPI_FILE.read_text())["paths"]
    led = {path: {to for pattern, to in ROUTES if re.search(pattern, path)} for path in paths}

    assert {path: found for path, found in led.items() if len(found) != 1} == {}


def test_the_services_that_can_republish_are_those_of_the_command():
    assert tuple(OWNERS) == REPUBLISHING
