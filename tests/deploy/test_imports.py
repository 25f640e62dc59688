"""A service does not carry in memory what only tests, tools and operators need."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.config.services import DATABASES
from deploy.config.services import SERVICES as ALL

ROOT = Path(__file__).parent.parent.parent
SERVICES = ("purchase", "wallet", "gift", "payout", "live", "webhooks")
UNNEEDED = (
    "alembic",
    "deploy",
    "httpx",
    "mako",
    "services.sandbox",
    "shared.contracts.gate",
    "sqlalchemy",
    "sqlmodel",
    "typer",
)
PROVIDER_CLIENT = "aiohttp"


def imported_by(service):
    listed = f"import sys, services.{service}.main; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", listed], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(answer.stdout.split())


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_imports_nothing_it_does_not_need(service):
    imported = imported_by(service)

    assert imported.isdisjoint(UNNEEDED)
    assert f"services.{service}.tables" not in imported
    # It posts events to other teams with the same library.
    assert (PROVIDER_CLIENT in imported) == (service in ("purchase", "payout", "webhooks"))


def installed_in(packages):
    """Return the names of what an image installs, as the lock has it."""
    uv = Path(sys.executable).with_name("uv")
    wanted = [] if packages == "services" else [f"--group={packages}"]
    command = [uv, "export", "--frozen", "--no-dev", "--no-hashes", "--no-annotate", *wanted]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {
        line.partition("==")[0].partition("[")[0]
        for line in answer.stdout.splitlines()
        if "==" in line
    }


# Makes every module of another package as absent as it is in the image.
IMPORT_AS_IN_AN_IMAGE = """
import importlib, importlib.metadata, re, sys

installed = set(sys.argv[1].split(","))
absent = {
    module
    for module, names in importlib.metadata.packages_distributions().items()
    if installed.isdisjoint(re.sub("[-_.]+", "-", name).lower() for name in names)
}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Absent())
for module in sys.argv[2:]:
    importlib.import_module(module)
print(*sys.modules)
"""


def imported_in_image(packages, *modules):
    command = [sys.executable, "-c", IMPORT_AS_IN_AN_IMAGE, ",".join(installed_in(packages))]
    answer = subprocess.run(
        [*command, *modules], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    return set(answer.stdout.split())


@pytest.mark.parametrize("service", ALL)
def test_an_image_has_the_packages_that_its_service_needs(service):
    packages = ALL[service].packages
    modules = [f"services.{service}.main"]
    if service in DATABASES:
        modules.append("shared.postgres.migrate")

    loaded = imported_in_image(packages, *modules)

    # structlog imports rich where it is.
    assert packages == "tools" or {"httpx", "rich", "typer"}.isdisjoint(loaded)


def test_the_image_of_the_tools_has_the_packages_that_they_need():
    imported_in_image(
        "tools", "deploy.ctl.__main__", "deploy.harness.issuer", "deploy.config.provision"
    )


# What only those need who ask a payment provider.
OF_PROVIDERS = {"aiohttp", "app-store-server-library", "httpx", "standardwebhooks", "stripe"}


@pytest.mark.parametrize("service", ["gift", "live", "wallet", "web"])
def test_an_image_without_a_provider_has_no_package_of_one(service):
    assert installed_in(ALL[service].packages).isdisjoint({*OF_PROVIDERS, "rich"})


@pytest.mark.parametrize("service", ["gift", "live"])
def test_an_image_without_a_ledger_has_only_what_every_service_needs(service):
    assert ALL[service].packages == "services"


def test_the_image_of_web_has_beside_that_only_what_draws_the_reference_of_the_api():
    assert installed_in("web") - installed_in("services") == {"fastapi-swagger"}


def test_the_packages_of_app_stores_are_in_the_image_of_purchase_alone():
    """Stripe takes money and sends it."""
    assert {"app-store-server-library", "stripe"} <= installed_in(ALL["purchase"].packages)
    assert "stripe" in installed_in(ALL["payout"].packages)
    assert "app-store-server-library" not in installed_in(ALL["payout"].packages)


def test_the_dockerfile_has_a_stage_for_each_group_that_an_image_has():
    written = (ROOT / "deploy" / "Dockerfile").read_text()
    stages = re.findall(r"^FROM \S+ AS packages-(\w+)$", written, re.MULTILINE)

    assert set(stages) == {service.packages for service in ALL.values()}
    for group in set(stages) - {"services"}:
        assert written.count(f"--group={group} ") == 2, group
