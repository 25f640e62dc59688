"""Settings of PostgreSQL that would lose money or stop a service."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from deploy.config.databases import AUDITOR
from deploy.config.services import DATABASES
from deploy.ctl.doctor.findings import Examined, Problem
from shared.postgres.database import Transaction
from shared.postgres.role_settings import COMMON, SERVICE
from shared.postgres.statements import text

# What it means for a commit, if it is not so.
DURABLE: Mapping[str, str] = {
    "fsync": "a power cut may lose answered commits and damage tables",
    "full_page_writes": "a power cut may damage tables",
}
# Values of `synchronous_commit` with which an answer waits for no standby.
ALONE = ("off", "local")
_SERVER = text("""
    SELECT pg_is_in_recovery() AS is_standby,
           (SELECT count(*) FROM pg_stat_replication)
               + (SELECT count(*) FROM pg_replication_slots
                  WHERE slot_type = 'physical' AND NOT active) AS standbys,
           current_setting('synchronous_standby_names') AS synchronous,
           current_setting('synchronous_commit') AS synchronous_commit,
           current_setting('fsync') AS fsync,
           current_setting('full_page_writes') AS full_page_writes
""")
_ROLES = text("""
    SELECT rolname AS role, setting
    FROM pg_db_role_setting
    JOIN pg_roles ON pg_roles.oid = setrole
    JOIN pg_database ON setdatabase IN (0, pg_database.oid), unnest(setconfig) AS setting
    WHERE datname = current_database() AND rolname = ANY(:roles)
""")


@asynccontextmanager
async def reading(examined: Examined, service: str) -> AsyncIterator[Transaction]:
    """Read what a service's database has for no single user, as the auditor."""
    async with (
        examined.servers.opened(service) as database,
        database.reference.snapshot() as tx,
    ):
        yield tx


async def look_at_durability(examined: Examined) -> AsyncIterator[Problem]:
    """Look whether a commit that was answered survives a power cut."""
    for service in DATABASES:
        async with reading(examined, service) as tx:
            server = (await tx.execute(_SERVER)).one()
        if server.synchronous_commit in ALONE:
            setting = f"synchronous_commit = {server.synchronous_commit}"
            yield Problem(service, f"{setting}: commits wait for no standby")
        for name, effect in DURABLE.items():
            if server[name] != "on":
                yield Problem(service, f"{name} = {server[name]}: {effect}")


async def look_at_standbys(examined: Examined) -> AsyncIterator[Problem]:
    """Look whether an answered commit survives a failover."""
    for service in DATABASES:
        async with reading(examined, service) as tx:
            server = (await tx.execute(_SERVER)).one()
        if server.is_standby:
            yield Problem(
                service,
                "the address leads to a standby: it takes no writes",
                "Name the primary, or all hosts of the cluster",
            )
        if server.standbys and not server.synchronous:
            yield Problem(
                service,
                "its standbys are asynchronous: after a failover, answered gifts are in no book any"
                " more",
            )


async def look_at_roles(examined: Examined) -> AsyncIterator[Problem]:
    """Look whether each role has the timeouts and settings that its sessions need."""
    for service in DATABASES:
        wanted = {service: SERVICE, f"{service}_owner": COMMON, AUDITOR: COMMON}
        async with reading(examined, service) as tx:
            found = await _settings_of(tx, wanted)
        for role, settings in wanted.items():
            # An administrator may have chosen another value.
            if missing := sorted(settings.keys() - found[role].keys()):
                yield Problem(service, f"role {role} has no {', '.join(missing)}")
            if (alone := found[role].get("synchronous_commit")) in ALONE:
                setting = f"role {role} has synchronous_commit = {alone}"
                action = f"As administrator: ALTER ROLE {role} RESET synchronous_commit"
                yield Problem(service, f"{setting}: its commits wait for no standby", action)


async def _settings_of(
    tx: Transaction, roles: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Return the settings of roles in this database, by role and name."""
    found: dict[str, dict[str, str]] = {role: {} for role in roles}
    for row in await tx.execute(_ROLES, {"roles": list(roles)}):
        name, _, value = row.setting.partition("=")
        found[row.role][name] = value
    return found
