"""A service does not carry in memory what only tests, tools and operators need."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SERVICES = ("purchase", "wallet", "gift", "payout", "live")
UNNEEDED = ("alembic", "deploy", "httpx", "services.sandbox", "shared.contracts.gate", "typer")
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
    assert (PROVIDER_CLIENT in imported) == (service in ("purchase", "payout"))
