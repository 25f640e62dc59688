"""
Settings that belong to the roles of the database, not to sessions.

Provisioning writes them (`ALTER ROLE ... SET`). So they hold behind a pooler, which takes no
settings of sessions, and on every node of a distributed PostgreSQL.
"""

from collections.abc import Mapping

from shared.postgres.sessions import SILENCE_SECONDS_MAX

LOCK_TIMEOUT = "5s"

# Of every role that our programs use.
COMMON: Mapping[str, str] = {
    # A statement that waits longer than this for a row holds up everyone behind it.
    "lock_timeout": LOCK_TIMEOUT,
    # Our statements are short and many; compiling costs more than it saves.
    "jit": "off",
    # The server notices that a client's machine has vanished, and frees its locks: keepalives for
    # an idle session, the user timeout for one with data in flight.
    "tcp_keepalives_idle": "5s",
    "tcp_keepalives_interval": "5s",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": f"{SILENCE_SECONDS_MAX}s",
}
# Of the role a service works with.
SERVICE: Mapping[str, str] = {
    **COMMON,
    "statement_timeout": "30s",
    # A plan is kept: one that was made while a table had a page would read all of it for each row
    # of a batch when it has a million. So rows are found by an index wherever there is one.
    # Snapshots read whole tables.
    "enable_seqscan": "off",
}
# Without one of these a service waits for ever, or grows slow with its tables.
REQUIRED = ("lock_timeout", "statement_timeout", "enable_seqscan")


class RoleNotProvisioned(Exception):
    """The role lacks settings without which a service must not work."""


def settings_sql(role: str, settings: Mapping[str, str]) -> list[str]:
    """Return the statements that give a role its settings, for all its sessions to come."""
    return [f"ALTER ROLE {role} SET {name} = '{value}'" for name, value in settings.items()]
