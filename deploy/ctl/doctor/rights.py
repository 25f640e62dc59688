"""Rights of database roles: what a role could do beyond its work, and what it could not."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from deploy.config.databases import AUDITOR, archiver_of
from deploy.config.services import DATABASES, SEALED
from deploy.ctl.doctor.findings import Examined, Problem
from deploy.ctl.doctor.settings import reading
from shared.postgres.statements import text

# Attributes that would let a role past every right of its own.
_ATTRIBUTES = {
    "rolsuper": "SUPERUSER",
    "rolcreaterole": "CREATEROLE",
    "rolcreatedb": "CREATEDB",
    "rolreplication": "REPLICATION",
    "rolbypassrls": "BYPASSRLS",
}
_OF_ROLE = text("""
    SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin,
           has_database_privilege(oid, current_database(), 'CONNECT') AS may_connect,
           ARRAY(SELECT granted.rolname::text FROM pg_auth_members
                 JOIN pg_roles AS granted ON granted.oid = roleid
                 WHERE member = pg_roles.oid) AS memberships
    FROM pg_roles WHERE rolname = :role
""")
_STRANGERS = text("""
    SELECT rolname::text AS role FROM pg_roles
    WHERE has_database_privilege(oid, current_database(), 'CONNECT')
          AND rolcanlogin AND NOT rolsuper AND NOT rolname = ANY(:expected)
    ORDER BY 1
""")
# Tables of our own, in every schema of the database.
_TABLES = text("""
    SELECT format('%s.%s', nspname, relname) AS name, relname::text AS relation,
           has_table_privilege(CAST(:role AS name), pg_class.oid, 'SELECT')
               OR has_any_column_privilege(CAST(:role AS name), pg_class.oid, 'SELECT') AS reads,
           has_table_privilege(CAST(:role AS name), pg_class.oid, 'UPDATE') AS updates,
           has_table_privilege(CAST(:role AS name), pg_class.oid, 'DELETE') AS deletes,
           has_table_privilege(CAST(:role AS name), pg_class.oid, 'TRUNCATE') AS truncates
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND pg_get_userbyid(relowner) = :owner
    ORDER BY 1
""")
# History of a sealed ledger: it is added to, and nothing else.
_HISTORY = ("entries", "seals")
# Only the owner's, and of no one's work.
_OWNERS_ALONE = ("alembic_version", "alembic_version_reference")


async def look(examined: Examined) -> AsyncIterator[Problem]:
    """Look at the roles of each service's database."""
    for service in DATABASES:
        owner = f"{service}_owner"
        roles = [owner, service, AUDITOR, *([archiver_of(service)] if service in SEALED else [])]
        async with reading(examined, service) as tx:
            for role in roles:
                found = (await tx.execute(_OF_ROLE, {"role": role})).first()
                for problem in _of_role(role, found):
                    yield Problem(service, problem)
            for row in await tx.execute(_STRANGERS, {"expected": roles}):
                stranger = f"role {row.role} may connect to this database, and has no work there"
                action = f"As administrator: REVOKE CONNECT ON DATABASE {service} FROM {row.role}"
                yield Problem(service, stranger, action)
            for role in (service, AUDITOR):
                for row in await tx.execute(_TABLES, {"role": role, "owner": owner}):
                    for problem in _of_table(role, service, row):
                        yield Problem(service, problem)


def _of_role(role: str, found: Any) -> Iterator[str]:
    if found is None:
        yield f"there is no role {role}"
        return
    for attribute, name in _ATTRIBUTES.items():
        if found[attribute]:
            yield f"role {role} has {name}: it could do everything"
    for granted in found.memberships:
        yield f"role {role} is a member of {granted}, and has its rights"
    if not found.rolcanlogin:
        yield f"role {role} may not log in"
    elif not found.may_connect:
        yield f"role {role} may not connect to this database"


def _of_table(role: str, service: str, table: Any) -> Iterator[str]:
    if not table.reads and (role == AUDITOR or table.relation not in _OWNERS_ALONE):
        yield f"role {role} may not read {table.name}"
    if role == AUDITOR and (table.updates or table.deletes):
        yield f"role {role} may change {table.name}, and has to read alone"
    is_history = service in SEALED and table.relation in _HISTORY
    if role == service and is_history and (table.updates or table.deletes):
        yield f"role {role} may change the history in {table.name}"
    if table.truncates:
        yield f"role {role} may empty {table.name}"
