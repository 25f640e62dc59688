"""
What routes are given: the tables, what `main.py` put into `app.state`, the owner of a path.

    @router.get("/wallets/{user}")
    async def read_wallet(user: OwnUser, db: Db) -> Wallet: ...

`Db` has what is the user's whom the path names, or the caller's. `Reference` has what is of no
single user, `AllParts` everything: for routes that name a user elsewhere, or list many.
"""

from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from shared.http.auth import Caller, caller_of, require_own
from shared.http.fields import UserIdOrMe
from shared.http.people import OPERATOR_ROUTES
from shared.identity.claims import ME
from shared.identity.tokens import Identity
from shared.postgres.database import Database, Part


def from_state(name: str) -> Any:
    """Return the dependency on `app.state.<name>`, which the service's `main.py` sets."""

    # FastAPI calls what is no coroutine in a thread of its own, which costs more than the rest.
    async def read_state(connection: HTTPConnection) -> Any:
        return getattr(connection.app.state, name)

    return Depends(read_state)


async def _part_of_request(request: Request) -> Part:
    """Return the part of the user whom the path names; of the caller, if it names none."""
    database: Database = request.app.state.database
    if database.part_count == 1:
        return database.reference
    path = request.scope["path"]
    is_operator = path.startswith(OPERATOR_ROUTES)
    # Elsewhere a viewer in the path is somebody whom the caller decides about.
    for name in ("user", "creator", "viewer") if is_operator else ("user", "creator"):
        named = request.path_params.get(name, ME)
        if named != ME:
            return database.part_for(named)
    assert not is_operator, f"{path} names no user: take Reference or AllParts"
    return database.part_for((await caller_of(request)).user)


async def _reference(request: Request) -> Part:
    database: Database = request.app.state.database
    return database.reference


Db = Annotated[Part, Depends(_part_of_request)]
Reference = Annotated[Part, Depends(_reference)]
AllParts = Annotated[Database, from_state("database")]


async def _own_user(user: UserIdOrMe, caller: Caller) -> str:
    return _own(user, caller)


async def _own_creator(creator: UserIdOrMe, caller: Caller) -> str:
    return _own(creator, caller)


def _own(named: str, caller: Identity) -> str:
    owner = caller.user if named == ME else named
    require_own(caller, owner)
    return owner


# `{user}` or `{creator}` of a path, where `me` stands for the caller; other users are refused.
OwnUser = Annotated[str, Depends(_own_user)]
OwnCreator = Annotated[str, Depends(_own_creator)]
