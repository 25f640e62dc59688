"""Who may do what: a team with its own endpoints, operators with every team's."""

from typing import Annotated

from fastapi import Depends, Path
from pydantic import BaseModel

from services.webhooks.commands.endpoints import Request
from services.webhooks.domain.deliveries import RetryPolicy
from services.webhooks.domain.endpoints import NotTheTeam
from shared.http import from_state
from shared.http.access import or_operator_with
from shared.http.auth import OPERATOR, Caller
from shared.http.public_client import Destinations
from shared.idempotency import fingerprint
from shared.identity.claims import ME
from shared.identity.tokens import Identity
from shared.keyring import Keyring

TEAM = "team"
READ_SCOPE, WRITE_SCOPE = "webhooks:read", "webhooks:write"
OR_READER, OR_WRITER = or_operator_with(READ_SCOPE), or_operator_with(WRITE_SCOPE)

TeamInPath = Annotated[
    str,
    Path(
        alias="team",
        pattern=r"^[a-z][a-z0-9_-]{0,30}$",
        description="The team: the `sub` of its token, which has the role `team`. `me` is oneself.",
        examples=["me", "analytics"],
    ),
]
Keys = Annotated[Keyring, from_state("secret_keys")]
Policy = Annotated[RetryPolicy, from_state("retry_policy")]
Addresses = Annotated[Destinations, from_state("destinations")]


async def _readable(team: TeamInPath, caller: Caller) -> str:
    return _require(caller, team, READ_SCOPE)


async def _writable(team: TeamInPath, caller: Caller) -> str:
    return _require(caller, team, WRITE_SCOPE)


def _require(caller: Identity, team: str, scope: str) -> str:
    """Let a team at what is its own, and operators with the scope at any; return whose it is."""
    named = caller.user if team == ME else team
    is_own = caller.user == named and TEAM in caller.roles
    if not is_own and not (OPERATOR in caller.roles and scope in caller.scopes):
        raise NotTheTeam
    return named


# A team whose things the caller may read, or change.
ReadTeam = Annotated[str, Depends(_readable)]
WrittenTeam = Annotated[str, Depends(_writable)]


def request_of(
    team: str, caller: Identity, key: str = "", body: BaseModel | None = None
) -> Request:
    """Return who asks for something of a team; a repeat has the same key and the same body."""
    return Request(team, caller.user, key, b"" if body is None else fingerprint(body))
