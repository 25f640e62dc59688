"""An operator moves old entries into archives, in a folder and in object storage."""

import json

import pytest
from typer.testing import CliRunner

from deploy.config.databases import fetch, in_own_thread, run_sql
from deploy.ctl.__main__ import app
from deploy.ctl.commands import archives as commands
from deploy.ctl.installation import Installation
from shared.ledger.archive_store import VARIABLE, ArchiveUnavailable, open_store
from shared.ledger.sealing import seal
from tests.buckets import KEY, SECRET, a_bucket
from tests.parts import schema_for
from tests.wallet.conftest import a_gift_requested, a_purchase_paid, hearing, settings

__all__ = ["settings"]

VIEWERS = ("mira", "otto", "eva")
DONE, FOUND_WRONG, USAGE, UNREACHABLE = range(4)


class Folder:
    """A folder, whose disk may be away."""

    def __init__(self, parent):
        self.folder = parent / "archives"
        self.folder.mkdir()

    def address(self):
        return str(self.folder)

    def kill(self):
        self.folder.rename(self.folder.with_name("away"))

    def start(self):
        self.folder.with_name("away").rename(self.folder)


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path, monkeypatch):
    if request.param == "bucket":
        with a_bucket(tmp_path, monkeypatch) as bucket:
            monkeypatch.setenv(VARIABLE, bucket.address())
            yield bucket
    else:
        folder = Folder(tmp_path)
        monkeypatch.setenv(VARIABLE, folder.address())
        yield folder


@pytest.fixture
def wallets(request, database_of):
    return database_of("wallet", part_count=getattr(request, "param", None))


@pytest.fixture
def archive(monkeypatch, postgres, credentials, wallets):
    """Run `ovationctl archive`; returns the exit code and what was said."""
    here = Installation(
        postgres.place,
        rabbit="",
        broker="",
        secret=credentials.read,
        databases={"wallet": wallets.name},
    )
    monkeypatch.setattr(commands, "here", lambda: here)

    def run(*arguments):
        done = in_own_thread(lambda: CliRunner().invoke(app, ["archive", *arguments]))
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    return run


@pytest.fixture
async def entries(wallets, settings, postgres):
    """Let coins be bought and given long ago; return how many entries that made."""
    hear = hearing(wallets, settings)
    await hear(*(a_purchase_paid(viewer=viewer) for viewer in VIEWERS))
    await hear(*(a_gift_requested(viewer=viewer) for viewer in VIEWERS for _ in range(3)))
    for part in wallets.parts:
        block = True
        while block:
            async with part.transaction() as tx:
                block = await seal(tx)
    schemas = {schema_for(wallets, viewer) for viewer in VIEWERS}
    ageing = "UPDATE {}.seals SET sealed_at = sealed_at - interval '600 days'"
    run_sql(postgres.dsn(wallets.name), [ageing.format(schema) for schema in schemas])
    return len(VIEWERS) * 4


@pytest.fixture
def left(postgres, wallets):
    """How many entries are in the database."""

    def count():
        schemas = {schema_for(wallets, viewer) for viewer in VIEWERS}
        counting = " + ".join(f"(SELECT count(*) FROM {schema}.entries)" for schema in schemas)
        return fetch(postgres.dsn(wallets.name), f"SELECT {counting} AS entries")[0]["entries"]

    return count


@pytest.mark.parametrize("wallets", [None, 16], indirect=True, ids=["one part", "16 parts"])
def test_old_entries_leave_and_their_archives_are_listed_and_verified(
    archive, entries, left, store, wallets
):
    code, said = archive("run", "wallet", "--yes")

    assert (code, left()) == (DONE, 0)
    files = sorted(str(each.name) for each in store.folder.rglob("*.parquet"))
    assert said.splitlines()[-1] == f"wallet: {entries} entries in {len(files)} archives"
    code, listed = archive("ls", "wallet", "--json")
    rows = json.loads(listed)
    assert code == DONE
    assert sorted(row["file"].rpartition("/")[2] for row in rows) == files
    assert sum(row["entries"] for row in rows) == entries
    assert archive("verify", "wallet")[0] == DONE


def test_a_changed_byte_fails_the_verification(archive, entries, store):
    archive("run", "wallet", "--yes")
    (file,) = store.folder.rglob("*.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    code, said = archive("verify", "wallet")

    assert code == FOUND_WRONG
    assert "archive-unreadable" in said


def test_where_the_store_is_away_nothing_is_deleted_and_the_next_run_archives(
    archive, entries, left, store
):
    store.kill()

    code, said = archive("run", "wallet", "--yes")

    assert (code, left()) == (UNREACHABLE, entries)
    assert "nothing was done" in said
    store.start()
    assert archive("run", "wallet", "--yes")[0] == DONE
    assert left() == 0
    assert archive("verify", "wallet")[0] == DONE


def test_where_the_store_is_away_afterwards_its_archives_are_unreadable_until_it_is_back(
    archive, entries, store
):
    archive("run", "wallet", "--yes")
    store.kill()

    code, said = archive("verify", "wallet")

    assert code == FOUND_WRONG
    assert "archive-unreadable" in said
    store.start()
    assert archive("verify", "wallet")[0] == DONE


@pytest.fixture
def folder(tmp_path, monkeypatch):
    store = Folder(tmp_path)
    monkeypatch.setenv(VARIABLE, store.address())
    return store.folder


def test_with_nothing_old_there_is_no_archive(archive, entries, folder, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text("[archive]\nafter_days = 700\ndispute_days = 540\nkeep_years = 10\n")

    code, said = archive("run", "wallet", "--yes", "--rules", str(rules))

    assert (code, said.splitlines()) == (DONE, ["wallet: 0 entries in 0 archives"])
    assert archive("ls", "wallet") == (DONE, "There are no archives.\n")


def test_without_yes_and_without_a_terminal_nothing_is_moved(archive, entries, left, folder):
    code, _ = archive("run", "wallet")

    assert (code, left()) == (USAGE, entries)


def test_rules_that_archive_what_can_be_disputed_are_refused(archive, entries, folder, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text("[archive]\nafter_days = 90\ndispute_days = 540\nkeep_years = 10\n")

    code, said = archive("run", "wallet", "--yes", "--rules", str(rules))

    assert code == USAGE
    assert "540" in said


def test_a_service_without_a_ledger_has_no_archives(archive, folder):
    assert archive("run", "live", "--yes")[0] == USAGE


def test_a_key_that_the_bucket_does_not_know_is_told(tmp_path, monkeypatch):
    with a_bucket(tmp_path, monkeypatch) as bucket:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        strange = open_store(bucket.address())

        for work in (lambda: strange.write("a", b"x"), lambda: strange.read("a")):
            with pytest.raises(ArchiveUnavailable) as refused:
                work()
            assert "AWS Error" in refused.value.facts["reason"]
        assert list(bucket.folder.iterdir()) == []


def test_the_key_is_found_in_the_file_that_an_installation_names(tmp_path, monkeypatch):
    """As `deploy/compose.bucket.yml` and the chart do."""
    with a_bucket(tmp_path, monkeypatch) as bucket:
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(variable)
        file = tmp_path / "archive_credentials"
        file.write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
        store = open_store(bucket.address())

        store.write("wallet/a.parquet", b"entries")

        assert store.read("wallet/a.parquet") == b"entries"


def test_an_option_that_no_bucket_has_is_refused():
    with pytest.raises(ArchiveUnavailable) as refused:
        open_store("s3://archives/ovation?endpoint=127.0.0.1")

    assert "endpoint" in refused.value.facts["reason"]
