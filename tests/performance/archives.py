"""
A million entries leave for an archive while gifts go on: `python -m tests.performance.archives`.

The archiver is a process of its own, `ovationctl archive run`, as in an installation. SIZE is the
number of entries. It prints what it took, and fails if anything is wrong afterwards.
"""

import asyncio
import os
import re
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from deploy.config.databases import database_sql, in_own_thread, roles_sql, run_sql, schema_sql
from deploy.config.environment import new_secrets
from deploy.harness.servers import choose_postgres
from services.wallet.commands.verification import INVARIANTS
from services.wallet.store.queries import history
from shared.ledger.archive_store import VARIABLE
from shared.ledger.archive_verification import broken_archives
from shared.ledger.sealing import broken_seals, seal
from shared.ledger.verification import Violation, verify_ledger
from shared.postgres.database import Database
from shared.postgres.migrate import migrate
from shared.postgres.statements import text
from tests.performance.ledger import _TABLES_OF_USERS, _settings
from tests.wallet.conftest import a_gift_requested, a_purchase_paid, hearing

SIZE = int(os.environ.get("SIZE") or 1_000_000)
OF_A_VIEWER = 500
VIEWERS = max(1, SIZE // OF_A_VIEWER)
BATCH = 200
PAUSE_SECONDS = 0.05
# How long gifts are measured beforehand.
BEFORE_SECONDS = 10


@contextmanager
def took(what):
    started = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - started:.1f} s", flush=True)


async def grow_old(admin, database, hear):
    """Let one viewer give, and many others have done the same, long ago; seal all of it."""
    await hear(a_purchase_paid(viewer="template", coins=OF_A_VIEWER))
    gifts = [a_gift_requested(viewer="template", coins=1) for _ in range(OF_A_VIEWER - 1)]
    for start in range(0, len(gifts), BATCH):
        await hear(*gifts[start : start + BATCH])
    async with admin.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        await tx.execute(text("SET LOCAL statement_timeout = 0"))
        for table, columns in await tx.execute(text(_TABLES_OF_USERS)):
            own = columns
            if table == "entries":
                # With ids and hashes of their own, which no compression makes small.
                new = "CASE WHEN gift IS NOT NULL THEN gen_random_uuid() END"
                own = re.sub(r"\bgift\b", new, columns)
                own = re.sub(r"\brequest_hash\b", "uuid_send(gen_random_uuid())", own)
            await tx.execute(
                text(f"""
                    INSERT INTO {table} (user_id, {columns}) OVERRIDING SYSTEM VALUE
                    SELECT 'old-' || viewer, {own}
                    FROM generate_series(1, {VIEWERS - 1}) AS viewer, {table}
                    WHERE user_id = 'template'
                """)
            )
        await tx.execute(
            text(f"""
                INSERT INTO unsealed (users, firsts, lasts)
                SELECT ARRAY['old-' || viewer], ARRAY[1::bigint], ARRAY[{OF_A_VIEWER}::bigint]
                FROM generate_series(1, {VIEWERS - 1}) AS viewer
            """)
        )
    with took("sealing"):
        await seal_all(database)
    async with admin.transaction() as tx:
        await tx.execute(text("UPDATE seals SET sealed_at = sealed_at - interval '600 days'"))
    return gifts


async def seal_all(database):
    while True:
        async with database.transaction() as tx:
            if await seal(tx) is None:
                return


async def give(hear, stopping):
    """Give until told to stop; return the gifts, and how long each batch took."""
    await hear(*(a_purchase_paid(viewer=f"new-{each}", coins=10**6) for each in range(BATCH)))
    gifts, seconds = 0, []
    while not stopping.is_set():
        batch = [a_gift_requested(viewer=f"new-{each}", coins=1) for each in range(BATCH)]
        started = time.perf_counter()
        await hear(*batch)
        seconds.append(time.perf_counter() - started)
        gifts += BATCH
    return gifts, seconds


async def look(database, stopping):
    """
    Read histories, which wait while an archive is committed.

    Return how long each took, and how many of the looks saw a session that waited for a lock.
    """
    seconds, waiting = [], 0
    while not stopping.is_set():
        started = time.perf_counter()
        async with database.transaction() as tx:
            await history(tx, f"new-{len(seconds) % BATCH}", before=None, limit=50)
        seconds.append(time.perf_counter() - started)
        async with database.transaction() as tx:
            waiting += (await tx.execute(_WAITING)).scalar_one()
        await asyncio.sleep(PAUSE_SECONDS)
    return seconds, waiting


async def stand_still(stopping):
    """Do nothing; return how late each time was: what this machine takes from any process."""
    late = []
    while not stopping.is_set():
        started = time.perf_counter()
        await asyncio.sleep(PAUSE_SECONDS)
        late.append(time.perf_counter() - started - PAUSE_SECONDS)
    return late


async def meanwhile(database, hear, work):
    """Give and look until the work is done; say how long both took."""
    stopping = asyncio.Event()
    others = asyncio.gather(give(hear, stopping), look(database, stopping), stand_still(stopping))
    await work
    stopping.set()
    (gifts, batches), (pages, waiting), late = await others
    print(f"{gifts} gifts meanwhile; a batch of {BATCH}: {_spread(batches)}")
    print(f"{len(pages)} pages of history: {_spread(pages)}; {waiting} times a lock was waited for")
    print(f"this process was late: {_spread(late)}; load {os.getloadavg()[0]:.0f}")


def _spread(seconds):
    ordered = sorted(seconds)
    middle, late = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    return f"p50 {middle:.3f} s, p99 {late:.3f} s, slowest {ordered[-1]:.3f} s"


async def archive_all(environment):
    """Run the operator's command until nothing is old enough."""
    command = (sys.executable, "-m", "deploy.ctl", "archive", "run", "wallet", "--yes")
    archiver = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await archiver.communicate()
    assert archiver.returncode == 0, printed
    print(printed.decode().splitlines()[-1])


async def violations(database):
    found = []
    async with database.snapshot() as tx:
        for what, steps in (
            ("verify", verify_ledger(tx, INVARIANTS)),
            ("seal verify", broken_seals(tx)),
            ("archive verify", broken_archives(tx)),
        ):
            with took(what):
                found += [each async for each in steps if isinstance(each, Violation)]
    return found


async def stored_bytes(admin):
    """Return the bytes of each table once PostgreSQL has cleaned up."""
    async with admin.transaction() as tx:
        rows = await tx.execute(_STORED)
    return {row.name: row.bytes for row in rows}


_WAITING = text("SELECT CAST(count(*) > 0 AS int) FROM pg_locks WHERE NOT granted")
_STORED = text("""
    SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
      AND relname IN ('entries', 'seals', 'archived_keys', 'archived_users', 'opening_balances',
                      'opening_slices', 'archives', 'archive_totals')
""")


async def show(dsn_of, folder, environment):
    admin, database = Database(dsn_of("postgres")), Database(dsn_of("wallet"))
    hear = hearing(database, _settings())
    gifts = await grow_old(admin, database, hear)
    run_sql(dsn_of("postgres"), ["VACUUM FULL entries", "VACUUM FULL seals", "ANALYZE"])
    before = await stored_bytes(admin)
    async with database.snapshot() as tx:
        page_before = await history(tx, "old-1", before=None, limit=50)
    with took("the same without an archiver"):
        await meanwhile(database, hear, asyncio.sleep(BEFORE_SECONDS))
    with took("archiving"):
        await meanwhile(database, hear, archive_all(environment))
    files = sorted(folder.rglob("*.parquet"))
    size = sum(each.stat().st_size for each in files)
    print(f"{len(files)} archives of {size / SIZE:.0f} bytes an entry")
    run_sql(dsn_of("postgres"), ["VACUUM FULL entries", "VACUUM FULL seals"])
    after = await stored_bytes(admin)
    print(f"in the database before: {before}, after: {after}")
    await seal_all(database)
    assert await violations(database) == []
    async with database.transaction() as tx:
        page = await history(tx, "old-1", before=None, limit=50)
    assert [{**line, "archive": None} for line in page] == page_before
    assert {line["archive"] for line in page} <= {str(each.relative_to(folder)) for each in files}
    with took(f"{BATCH} gifts that come again"):
        await hear(*gifts[:BATCH])
    content = bytearray(files[-1].read_bytes())
    content[len(content) // 2] ^= 1
    files[-1].write_bytes(content)
    found = await violations(database)
    assert [each.invariant for each in found] == ["archive-unreadable"], found
    print(f"found: {found[0].detail}")
    for each in (admin, database):
        await each.close()


def main():
    secrets = new_secrets()
    with choose_postgres(fast=True) as server, tempfile.TemporaryDirectory() as folder:
        run_sql(server.dsn(), roles_sql(secrets.database))
        run_sql(server.dsn(), database_sql("wallet", "wallet"))
        run_sql(server.dsn("wallet"), schema_sql("wallet"))
        owner = server.dsn("wallet", user="wallet_owner", password=secrets.database["wallet_owner"])
        in_own_thread(lambda: migrate("wallet", owner))
        os.environ[VARIABLE] = folder
        environment = {
            "OVATIONCTL_POSTGRES": server.place,
            "WALLET_ARCHIVER_DATABASE_PASSWORD": secrets.database["wallet_archiver"],
        }

        def dsn_of(role):
            if role == "postgres":
                return server.dsn("wallet")
            return server.dsn("wallet", user=role, password=secrets.database[role])

        asyncio.run(show(dsn_of, Path(folder), environment))


if __name__ == "__main__":
    main()
