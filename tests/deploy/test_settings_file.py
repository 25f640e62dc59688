"""`.env.example` has every setting of an installation, with its default, meaning and readers."""

import re
from importlib import import_module

import pytest
import yaml

from deploy.config.containers import environment
from deploy.config.environment import ROOT
from deploy.config.services import DATABASES, SERVICES
from deploy.config.settings_file import (
    EXAMPLE,
    example_file,
    installation_settings,
    service_settings,
)

TEXT = EXAMPLE.read_text()
FILES = [ROOT / "docker-compose.yml", *(ROOT / "deploy").glob("compose.*.yml")]
REQUIRED = {"OVATION_JWT_ISSUER", "OVATION_JWKS_URL", "OVATION_PROVIDER_URL"}


def test_it_is_what_would_be_written_now():
    assert example_file() == TEXT


def test_it_has_every_variable_that_compose_reads_and_no_other():
    read = {name for file in FILES for name in re.findall(r"\$\{([A-Z_]+)", file.read_text())}
    passed_on, _, _ = TEXT.partition("Settings of single services")

    assert set(re.findall(r"^#?([A-Z_]+)=", passed_on, re.MULTILINE)) == read


def test_what_is_required_has_no_default_and_everything_else_is_a_comment():
    """Copied as it is, it changes nothing, and Compose names what is missing."""
    said = {line for line in TEXT.splitlines() if line and not line.startswith("#")}

    assert said == {f"{name}=" for name in REQUIRED}


def test_every_default_is_that_of_compose():
    said = dict(re.findall(r"^#([A-Z_]+)=(.*)$", TEXT, re.MULTILINE))
    used = {
        found
        for file in FILES
        for found in re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", file.read_text())
    }

    assert len(dict(used)) == len(used)
    assert used <= said.items()


@pytest.mark.parametrize("setting", installation_settings(), ids=lambda each: each.name)
def test_each_setting_says_what_it_means_and_who_reads_it(setting):
    assert re.search(r"[a-z]{3,}.*\.$|\.\.\.$", setting.meaning), setting
    assert setting.readers


def test_each_setting_of_a_single_service_says_what_it_means():
    for name, each in service_settings().items():
        for service, _, meaning in each:
            assert meaning, f"no comment above {name} in the settings of {service}"


@pytest.mark.parametrize("service", [*DATABASES, "web"])
def test_no_field_of_a_services_settings_is_missing(service):
    """It is passed on by Compose, a setting of the service alone, or a secret in a file."""
    kind = import_module(f"services.{service}.settings").Settings
    compose = yaml.safe_load(FILES[0].read_text())["services"][service]
    overlays = [yaml.safe_load(file.read_text())["services"].get(service, {}) for file in FILES[1:]]
    known = set(compose["environment"])
    known |= {name for each in overlays for name in each.get("environment", {})}
    known |= {
        SERVICES[service].variable(name.upper())
        for name, each in service_settings().items()
        if service in {reader for reader, _, _ in each}
    }
    secret = {name for name, its in kind.model_fields.items() if "SecretStr" in str(its.annotation)}

    missing = {f"{service}_{name}".upper() for name in set(kind.model_fields) - secret} - known
    assert not missing
    assert (
        set(environment(SERVICES[service], postgres="", pooler="", rabbitmq="")) <= known
        or service == "web"
    )


def test_no_secret_is_in_it():
    names = re.findall(r"^#?([A-Z_]+)=", TEXT, re.MULTILINE)

    assert not [
        name for name in names if re.search(r"PASSWORD|SECRET|TOKEN$|API_KEY|ARCHIVE_KEY", name)
    ]
