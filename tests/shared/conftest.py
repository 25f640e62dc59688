"""The HTTP APIs of all services."""

import pytest

from deploy.config.services import DATABASES
from deploy.gateway.openapi import app_of
from tests.clients import a_verifier


@pytest.fixture(scope="module")
def apps():
    """Every service's API. No database answers: what has to be refused is refused before it."""
    found = {name: app_of(name) for name in DATABASES}
    for app in found.values():
        app.state.verifier = a_verifier()
    return found
