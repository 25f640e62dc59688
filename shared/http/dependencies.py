"""
What routes are given: the database, what `main.py` put into `app.state`, the owner of a path.

    @router.get("/wallets/{user}")
    async def read_wallet(user: OwnUser, db: Db) -> Wallet: ...
"""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from shared.http.auth import Caller, require_own
from shared.http.fields import UserIdOrMe
from shared.identity.claims import ME
from shared.identity.tokens import Identity
from shared.postgres.database import Database


def from_state(name: str) -> Any:
    """Return the dependency on `app.state.<name>`, which the service's `main.py` sets."""

    # FastAPI calls what is no coroutine in a thread of its own, which costs more than the rest.
    async def read_state(connection: HTTPConnection) -> Any:
        return getattr(connection.app.state, name)

    return Depends(read_state)


Db = Annotated[Database, from_state("database")]


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
