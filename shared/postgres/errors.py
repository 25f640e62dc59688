"""What PostgreSQL's errors mean for the caller: wait, try again, or fail."""

import asyncpg

# Class 08: connection lost; 53: out of disk, memory or slots; 57P: the server is stopping or
# starting; 58: its own system fails it; 25006: it became a replica. 28 and 3D000: it lets this role
# in no more, or is not there, while a password is replaced or a copy is brought back.
_UNAVAILABLE_STATES = ("08", "53", "57P", "58", "25006", "28", "3D000")
# Inside a session these states mean other things: ALLOW_CONNECTIONS false, and CONNECT revoked.
_CLOSED = {
    "55000": "not currently accepting connections",
    "42501": "permission denied for database",
}
# 40001 serialization failure, 40P01 deadlock, 55P03 lock timeout, 57014 statement timeout: the
# same work may succeed.
_CONTENTION_STATES = ("40001", "40P01", "55P03", "57014")
_CONNECTION_ERRORS = (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def sqlstate(error: BaseException) -> str:
    """Return PostgreSQL's five-character state of an error, or "" if it carries none."""
    return str(getattr(error, "sqlstate", None) or "")


def is_unavailable(error: BaseException) -> bool:
    """Whether the database itself is away: no request is at fault, and waiting helps."""
    if isinstance(error, _CONNECTION_ERRORS):
        return True
    state = sqlstate(error)
    if state in _CLOSED:
        return _CLOSED[state] in str(error)
    return state.startswith(_UNAVAILABLE_STATES)


def is_contention(error: BaseException) -> bool:
    """Whether the same work may succeed if it is simply done again."""
    return sqlstate(error) in _CONTENTION_STATES
