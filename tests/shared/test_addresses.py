"""An address of several hosts means what libpq means by it, or it is refused."""

import pytest

from services.wallet.settings import Settings
from shared.postgres.addresses import InvalidAddress, host_addresses, with_database

BOTH = [
    "postgresql://wallet@db-1:5432/wallet?target_session_attrs=primary",
    "postgresql://wallet@db-2:5433/wallet?target_session_attrs=primary",
]


def test_an_address_of_one_host_stays_as_it_is():
    address = "postgresql://wallet:p%40ss@db-1:5432/wallet?sslmode=verify-full&sslrootcert=/a/b.pem"

    assert host_addresses(address) == [address]


def test_several_hosts_have_their_own_ports_and_only_the_primary_is_wanted():
    assert host_addresses("postgresql://wallet@db-1:5432,db-2:5433/wallet") == BOTH


def test_hosts_may_be_an_option():
    assert host_addresses("postgresql://wallet@/wallet?host=db-1:5432,db-2:5433") == [
        "postgresql://wallet@/wallet?host=db-1:5432&target_session_attrs=primary",
        "postgresql://wallet@/wallet?host=db-2:5433&target_session_attrs=primary",
    ]


def test_what_the_address_wants_of_a_server_is_kept():
    address = "postgresql://wallet@db-1,db-2/wallet?target_session_attrs=read-write"

    assert host_addresses(address)[1] == (
        "postgresql://wallet@db-2/wallet?target_session_attrs=read-write"
    )


def test_hosts_of_ipv6_keep_their_brackets():
    assert host_addresses("postgresql://wallet@[::1]:5432,[::2]:5433/wallet")[1] == (
        "postgresql://wallet@[::2]:5433/wallet?target_session_attrs=primary"
    )


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://wallet@/wallet?host=db-1&host=db-2", "host=db-1:5432,db-2:5432"),
        ("postgresql://wallet@db-1/wallet?sslmode=disable&sslmode=require", "sslmode is named"),
        ("postgresql://wallet@db-1/wallet?host=db-2", "Keep one of them"),
        ("postgresql://wallet@/wallet?host=db-1,db-2&port=1,2", "beside its host"),
        ("postgresql://wallet@db-1,,db-2/wallet", "empty host"),
    ],
)
def test_an_address_that_would_lose_a_host_is_refused_and_says_why(address, said):
    with pytest.raises(InvalidAddress, match=said):
        host_addresses(address)


@pytest.mark.parametrize("name", ["database_url", "database_direct_url"])
def test_a_service_does_not_start_with_such_an_address(name):
    settings = dict.fromkeys(Settings.model_fields, "unused") | {"port": 1}
    given = {key: settings[key] for key in ("rules_file", *REQUIRED)}

    with pytest.raises(ValueError, match="host is named twice"):
        Settings(**{**given, name: "postgresql://wallet@/wallet?host=db-1&host=db-2"})


REQUIRED = (
    *("port", "database_url", "database_password", "broker_url", "broker_password"),
    *("jwt_issuer", "jwt_audience", "jwks_url"),
)


def test_another_database_is_at_the_same_hosts_with_the_same_options():
    address = "postgresql://postgres@db-1:5432,db-2:5433/postgres?sslmode=require"

    assert with_database(address, "wallet") == (
        "postgresql://postgres@db-1:5432,db-2:5433/wallet?sslmode=require"
    )
