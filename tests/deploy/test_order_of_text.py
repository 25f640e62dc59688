"""
The order of text never follows the server's libraries: a newer image would not find old rows.

PostgreSQL's image makes its server with `en_US.UTF-8` of the system's library. With another Debian
below it that order changes, and an index built with the old one looks in the wrong place.
"""

import shutil
import subprocess

import pytest

from deploy.config.databases import OrderOfTextChanged, fetch, provision, run_sql
from deploy.config.environment import new_secrets
from deploy.config.services import DATABASES
from deploy.harness.postgres import LocalPostgres
from deploy.harness.processes import remove_folder, temporary_folder

LOCALE = "en_US.UTF-8"
ORDERS = f"""
    SELECT datname, datlocprovider::text AS provider, datlocale, datcollate, datctype,
           pg_encoding_to_char(encoding) AS encoding
    FROM pg_database WHERE datname = ANY(ARRAY[{", ".join(map(repr, DATABASES))}])
"""


@pytest.fixture(scope="module")
def locales():
    """A folder with a locale of the system's library, as an image has it."""
    # The server may run as another user, whom pytest's own folders keep out.
    folder = temporary_folder("locales")
    folder.chmod(0o755)
    yield _with_locale(folder)
    remove_folder(folder)


def _with_locale(folder):
    if shutil.which("localedef") is None:
        pytest.skip("NO localedef, so the server has no other order of text to begin with")
    made = subprocess.run(
        ["localedef", "-i", "en_US", "-f", "UTF-8", str(folder / LOCALE)],
        check=False,
        capture_output=True,
        text=True,
    )
    if not (folder / LOCALE).exists():
        pytest.skip(f"NO SUCH LOCALE HERE, so the order of text was not looked at: {made.stderr}")
    return folder


@pytest.fixture
def passwords():
    return new_secrets().database


@pytest.fixture
def as_the_image(locales):
    """A server made as PostgreSQL's image makes it."""
    with LocalPostgres(fast=True, locale=LOCALE, locales=locales) as server:
        (row,) = fetch(
            server.dsn(), "SELECT datcollate FROM pg_database WHERE datname = 'postgres'"
        )
        assert row["datcollate"] == LOCALE
        yield server


def test_no_database_of_ours_has_the_order_of_the_servers_library(as_the_image, passwords):
    provision(as_the_image.dsn(), passwords)

    rows = fetch(as_the_image.dsn(), ORDERS)

    assert len(rows) == len(DATABASES)
    for row in rows:
        assert (row["provider"], row["datlocale"], row["encoding"]) == ("b", "C.UTF-8", "UTF8")
        assert (row["datcollate"], row["datctype"]) == ("C", "C")
    words = "SELECT string_agg(w, '' ORDER BY w) AS sorted FROM (VALUES ('b'), ('A'), ('a')) v(w)"
    assert fetch(as_the_image.dsn("wallet"), words)[0]["sorted"] == "Aab"


def test_a_newer_library_does_not_keep_a_later_version_from_adding_a_database(
    as_the_image, passwords
):
    """Made from template1 it failed: "template1 has a collation version mismatch"."""
    provision(as_the_image.dsn(), passwords)
    run_sql(
        as_the_image.dsn(),
        [
            "DROP DATABASE live",
            "UPDATE pg_database SET datcollversion = '1.0' WHERE datname = 'template1'",
        ],
    )

    provision(as_the_image.dsn(), passwords)

    assert {row["datname"] for row in fetch(as_the_image.dsn(), ORDERS)} == set(DATABASES)


def test_a_database_with_the_librarys_order_is_named(as_the_image, passwords, capsys):
    """One of a version before goes on as it is; what to do is said each time."""
    provision(as_the_image.dsn(), passwords)
    run_sql(as_the_image.dsn(), ["DROP DATABASE wallet", "CREATE DATABASE wallet"])

    provision(as_the_image.dsn(), passwords)

    said = capsys.readouterr().err
    assert "wallet has the order of text of the server's library (en_US.UTF-8)" in said
    assert "gift" not in said


def test_nothing_starts_on_indexes_that_another_order_was_built_with(as_the_image, passwords):
    provision(as_the_image.dsn(), passwords)
    run_sql(as_the_image.dsn(), ["DROP DATABASE wallet", "CREATE DATABASE wallet"])
    older = "UPDATE pg_database SET datcollversion = '1.0' WHERE datname = 'wallet'"
    run_sql(as_the_image.dsn(), [older])

    with pytest.raises(OrderOfTextChanged, match="REINDEX DATABASE wallet"):
        provision(as_the_image.dsn(), passwords)

    run_sql(as_the_image.dsn(), ["ALTER DATABASE wallet REFRESH COLLATION VERSION"])
    provision(as_the_image.dsn(), passwords)
