"""What would lose money or stop a service, seen in the databases' settings before it does."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.config.databases import AUDITOR
from deploy.config.services import DATABASES
from deploy.ctl.installation import Installation
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


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to be put right, where it is, and what it would do."""

    service: str
    problem: str


async def examine(installation: Installation) -> AsyncIterator[Problem]:
    """Look at every service's database, as the auditor, and yield what is wrong with it."""
    for service in DATABASES:
        wanted = {service: SERVICE, f"{service}_owner": COMMON, AUDITOR: COMMON}
        async with installation.opened(service) as database, database.reference.snapshot() as tx:
            for problem in _of_server((await tx.execute(_SERVER)).one()):
                yield Problem(service, problem)
            for problem in _of_roles(wanted, await _settings_of(tx, wanted)):
                yield Problem(service, problem)


async def _settings_of(
    tx: Transaction, roles: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Return the settings of roles in this database, by role and name."""
    found: dict[str, dict[str, str]] = {role: {} for role in roles}
    for row in await tx.execute(_ROLES, {"roles": list(roles)}):
        name, _, value = row.setting.partition("=")
        found[row.role][name] = value
    return found


def _of_server(server: Any) -> Iterator[str]:
    if server.is_standby:
        yield "the address leads to a standby: it takes no writes. Name the primary"
    if server.standbys and not server.synchronous:
        yield (
            "its standbys are asynchronous: after a failover, answered gifts are in no book any"
            " more (docs/operations/failover.md). Set synchronous_standby_names, or Patroni's"
            " synchronous_mode"
        )
    if server.synchronous_commit in ALONE:
        yield f"synchronous_commit = {server.synchronous_commit}: commits wait for no standby"
    for name, effect in DURABLE.items():
        if server[name] != "on":
            yield f"{name} = {server[name]}: {effect}"


def _of_roles(
    wanted: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    for role, settings in wanted.items():
        # An administrator may have chosen another value.
        if missing := sorted(settings.keys() - found[role].keys()):
            yield f"role {role} has no {', '.join(missing)}: provision again (upgrades.md)"
        if (alone := found[role].get("synchronous_commit")) in ALONE:
            yield f"role {role} has synchronous_commit = {alone}: its commits wait for no standby"
