"""Passwords: whether each that is here still opens what it is for."""

from collections.abc import AsyncIterator, Callable, Iterator

import asyncpg
from aiormq.exceptions import AuthenticationError, ProbableAuthenticationError

from deploy.config.databases import AUDITOR, role_names
from deploy.config.services import DATABASES
from deploy.ctl.doctor.findings import Examined, Problem
from shared.messaging.delivery import OPERATOR_USER
from shared.messaging.topology import AUDITOR_USER, user_names
from shared.postgres.sessions import Hosts

CONNECT_SECONDS_MAX = 5
_NO_ENTRY = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)


async def look_at_databases(examined: Examined) -> AsyncIterator[Problem]:
    """Sign in as the auditor, and as every other role whose password is here."""
    servers = examined.servers
    for role, service in _roles():
        password = _here(servers.password_of, role, is_needed=role == AUDITOR)
        if password is None:
            continue
        place = f"{role}@{servers.server_of(service)}/{servers.database_name(service)}"
        hosts = Hosts(f"postgresql://{place}", password=password)
        try:
            session = await hosts.connect(timeout=CONNECT_SECONDS_MAX)
        except _NO_ENTRY as error:
            yield Problem(place, f"the password is refused: {error}")
        except asyncpg.PostgresError as error:
            yield Problem(place, f"no session: {error}", "Provision again (upgrades.md)")
        else:
            await session.close()


async def look_at_broker(examined: Examined) -> AsyncIterator[Problem]:
    """Sign in as the operator and the auditor, and as every service whose password is here."""
    servers = examined.servers
    for user in user_names():

        def read(name: str) -> str:
            return servers.secret(f"{name}_broker_password")

        if _here(read, user, is_needed=user in (OPERATOR_USER, AUDITOR_USER)) is None:
            continue
        try:
            async with servers.connect(user):
                pass
        except (AuthenticationError, ProbableAuthenticationError):
            yield Problem(f"{user}@{servers.broker}/{servers.vhost}", "the password is refused")


def _roles() -> Iterator[tuple[str, str]]:
    """Yield each role with a service whose database it may enter."""
    for service in DATABASES:
        yield from ((role, service) for role in role_names([service]))


def _here(read: Callable[[str], str], name: str, *, is_needed: bool) -> str | None:
    """Return a password, or None if it is not here and others than us have it."""
    try:
        return read(name)
    except SystemExit:
        if is_needed:
            raise
        return None
