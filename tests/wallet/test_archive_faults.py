"""An archive that is damaged, lost, forged or half made is noticed, and nothing is done by it."""

import hashlib

import asyncpg
import pytest

from shared.ledger.archive_file import read_rows, write_file
from shared.ledger.archive_store import FolderStore
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.deliveries import announced
from tests.parts import schema_for
from tests.wallet.conftest import a_purchase_paid
from tests.wallet.test_archives import archives, batches, forget_outbox, story
from tests.wallet.test_purchase_events import disputed

__all__ = ["archives", "batches", "story"]


async def test_a_changed_byte_is_found_and_never_acted_on(archives, story, hear, database, app):
    paid, _ = story
    await archives.archive()
    (file,) = archives.files()
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)

    assert [each.invariant for each in await archives.violations()] == ["archive-unreadable"]
    async with client_of(app, a_token("mira")) as mira:
        answer = await mira.get("/v1/wallets/me/movements")
    assert (answer.status_code, answer.json()["code"]) == (503, "archive-damaged")
    told = len(await announced(database, "wallet.lot_reversed"))
    await hear(disputed(paid, dispute="late"))
    assert len(await announced(database, "wallet.lot_reversed")) == told


async def test_a_file_of_other_entries_is_found_though_its_hash_was_put_right(
    archives, story, postgres, database
):
    """The owner of the database and of the files changes both: the seals say so."""
    await archives.archive()
    (file,) = archives.files()
    rows = [dict(row) for row in read_rows(file.read_bytes())]
    gift = next(row for row in rows if row["kind"] == "gift")
    gift["amounts"] = [2 * amount for amount in gift["amounts"]]
    forged = write_file(rows, {})
    file.write_bytes(forged)
    connection = await asyncpg.connect(postgres.dsn(database.name))
    await connection.execute(f"SET search_path = {schema_for(database, 'mira')}, public")
    await connection.execute("UPDATE archives SET hash = $1", hashlib.sha256(forged).digest())
    await connection.close()

    found = [each.invariant for each in await archives.violations()]

    assert "seal-hash" in found
    assert "opening-balances" in found


TAMPERINGS = {
    "opening-balances": "UPDATE opening_balances SET amount = amount + 1 WHERE account = '@spent'",
    "archived-keys": "UPDATE archived_keys SET key = gen_random_uuid() WHERE number = 2",
    "archived-users": "DELETE FROM archived_users WHERE user_id = 'otto-5'",
    "archive-missing": """
        DELETE FROM archived_users; DELETE FROM archive_totals; DELETE FROM archives
    """,
    "seal-chain": "UPDATE seals SET hash = sha256('x') WHERE block = 2",
    "lots-spent-their-slices": "UPDATE opening_slices SET coins = coins + 1",
    "credits-opened-their-lots": """
        UPDATE opening_balances SET amount = amount + 1 WHERE account = 'main' AND kind = 'credit'
    """,
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_what_is_changed_of_an_archive_in_the_database_is_found(
    archives, story, hear, postgres, database, tampering
):
    await archives.seal()
    for _ in range(2):
        await hear(a_purchase_paid())
        await archives.seal()
    await archives.archive(entries_max=12)
    connection = await asyncpg.connect(postgres.dsn(database.name))
    await connection.execute(f"SET search_path = {schema_for(database, 'mira')}, public")
    await connection.execute(TAMPERINGS[tampering])
    await connection.close()

    found = {each.invariant for each in await archives.violations()}

    assert tampering in found or (tampering == "archive-missing" and found)


async def test_a_lost_file_is_found_and_what_needs_it_waits(archives, story, hear, database):
    _paid, gifts = story
    await archives.archive()
    (file,) = archives.files()
    kept = file.read_bytes()
    file.unlink()
    await forget_outbox(database)

    assert [each.invariant for each in await archives.violations()] == ["archive-unreadable"]
    await hear(gifts[0])
    async with database.part_for("mira").transaction() as tx:
        (waiting,) = await tx.execute(text("SELECT exchange FROM outbox"))
    assert waiting.exchange == "ovation.delay.1s"

    file.write_bytes(kept)
    await hear(gifts[0])
    assert await announced(database, "wallet.gift_paid") != []


class Broken(FolderStore):
    """A store that fails when it writes or reads."""

    def __init__(self, folder, *, fail):
        super().__init__(folder)
        self._fail = fail

    def write(self, name, content):
        if self._fail == "before":
            raise OSError("no room")
        super().write(name, content[:-1] if self._fail == "short" else content)

    def read(self, name):
        if self._fail == "after":
            raise OSError("away")
        return super().read(name)


@pytest.mark.parametrize("fail", ["before", "short", "after"])
async def test_a_crash_before_the_commit_loses_nothing_and_the_next_run_archives(
    archives, story, tmp_path, fail
):
    before = await archives.counts()

    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever stops it
        await archives.archive(store=Broken(tmp_path, fail=fail))

    assert await archives.counts() == before
    assert await archives.violations() == []
    await archives.archive()
    assert await archives.counts() == (0, before[0])
    assert await archives.violations() == []


async def test_a_block_that_was_changed_is_not_archived(archives, story, postgres, database):
    await archives.seal()
    connection = await asyncpg.connect(postgres.dsn(database.name))
    await connection.execute(f"SET search_path = {schema_for(database, 'mira')}, public")
    await connection.execute("UPDATE entries SET result = '{}' WHERE number = 1")
    await connection.close()
    before = await archives.counts()

    with pytest.raises(Exception, match="not what its seal says"):
        await archives.archive()

    assert await archives.counts() == before


async def test_the_service_can_delete_no_entry_and_the_archiver_none_that_is_in_no_archive(
    archives, story, database
):
    for role, error in (
        (database, asyncpg.InsufficientPrivilegeError),
        (archives.archiver, asyncpg.RaiseError),
    ):
        with pytest.raises(error):
            async with role.part_for("mira").transaction() as tx:
                await tx.execute(text("DELETE FROM entries"))


FORBIDDEN = {
    "an entry": "INSERT INTO entries SELECT * FROM entries",
    "a changed entry": "UPDATE entries SET kind = 'x'",
    "a balance": "UPDATE accounts SET balance = 1",
    "a hash": "UPDATE seals SET hash = sha256('x')",
    "a key": "DELETE FROM archived_keys",
    "an archive": "DELETE FROM archives",
    "another hash": "UPDATE archives SET hash = sha256('x')",
    "a lot": "SELECT * FROM lots",
}


@pytest.mark.parametrize("what", FORBIDDEN)
async def test_the_archiver_can_do_nothing_else(archives, what):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with archives.archiver.part_for("mira").transaction() as tx:
            await tx.execute(text(FORBIDDEN[what]))
