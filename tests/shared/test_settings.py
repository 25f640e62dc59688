"""What a service refuses to start with."""

import pytest
from pydantic import ValidationError

from shared.runtime.settings import PartedSettings, ServiceSettings

A_SERVICE = {
    "port": 1,
    "database_url": "postgresql://wallet@postgres/wallet",
    "database_password": "secret",
    "broker_url": "amqp://wallet@rabbitmq/ovation",
    "broker_password": "secret",
    "jwt_issuer": "https://login.example",
    "jwt_audience": "ovation",
    "jwks_url": "https://login.example/jwks.json",
}


@pytest.mark.parametrize("name", ["jwt_issuer", "jwks_url"])
@pytest.mark.parametrize("scheme", ["http", "HTTP", " http"])
def test_keys_that_come_over_a_line_anybody_can_change_are_refused(name, scheme):
    insecure = {**A_SERVICE, name: f"{scheme}://login.example/jwks.json"}

    with pytest.raises(ValidationError, match="ALLOW_INSECURE_ISSUER"):
        ServiceSettings(**insecure)
    assert ServiceSettings(**insecure, allow_insecure_issuer=True)


def test_keys_that_come_over_tls_are_taken():
    assert not ServiceSettings(**A_SERVICE).allow_insecure_issuer


def test_the_environment_says_over_how_many_parts_the_users_are_spread():
    assert PartedSettings(**A_SERVICE, parts="16").parts == 16
    with pytest.raises(ValidationError, match="choose one of 1, 16, 64"):
        PartedSettings(**A_SERVICE, parts="8")
