"""People ask to be erased, and read what every service knows of them before."""

import time
from typing import Annotated

from fastapi import APIRouter, Query

from services.gift.commands import erasures
from services.gift.commands.erasures import ErasureReport, request_erasure
from services.gift.domain.erasures import ALL, EXPORTED, ErasureState, NoErasure
from shared.contracts.base import like
from shared.http import Db, from_state, refusals, request_id
from shared.http.auth import Caller
from shared.http.bodies import Body
from shared.http.fields import ErasureId, Instant
from shared.identity.logins import LoginTooOld, require_fresh_login
from shared.identity.tokens import Unauthenticated
from shared.quotas import store as quotas
from shared.quotas.rules import DAY, Quota, TooOften

ERASURE_REQUESTS = Quota("erasure-requests", 10, DAY)
LoginSeconds = Annotated[int, from_state("erasure_login_seconds")]
Forfeit = Annotated[bool, Query(description="Give up the coins and diamonds that are left.")]

router = APIRouter(prefix="/me", tags=["privacy"])


class ErasureAnswer(Body):
    """
    What a service says: `obstacles` have to end first, and `erased` counts rows by kind.

    Both are null until it has answered.
    """

    service: Annotated[str, like("wallet")]
    """The service of Ovation that answers."""
    obstacles: Annotated[list[str] | None, like([], ["coins-left"])]
    """
    Codes of what has to end first, such as coins that are left or a payout under way. Empty if
    nothing stands in the way; null until the service has answered, and of services that hold no
    money.
    """
    erased: Annotated[dict[str, int] | None, like({"entries": 12}, None)]
    """How many rows of each kind lost what names the person; null until the service has erased."""


class ErasureResponse(Body):
    """
    A request to be erased.

    It is `refused` while a service names obstacles: end them, and ask again. Once it is `erased`
    each service erases by itself, and `services` is the proof.
    """

    erasure: ErasureId
    state: Annotated[ErasureState, like("erased")]
    """
    `checking` until every service with money has answered, `refused` if one names obstacles,
    `erased` once it is decided and each service erases by itself.
    """
    forfeit: bool
    """
    Whether the person gives up the coins and diamonds that are left, so that these are no obstacle.
    """
    requested_at: Instant
    """When the person asked."""
    decided_at: Annotated[Instant, like("2026-11-23T12:00:02Z")] | None
    """When it was refused or decided; null while it is checked."""
    services: list[ErasureAnswer]
    """What each service says, those that have not answered yet included."""


class Export(Body):
    """Where a service gives all that it knows of you: a line of JSON for each row."""

    service: Annotated[str, like("gift")]
    """The service whose rows these are."""
    path: Annotated[str, like("/v1/me/export/gift")]
    """Where to GET them on this origin, with the same token: JSON Lines, a row each."""


class Exports(Body):
    items: list[Export]
    """One line for each service that keeps rows about people."""


@router.delete("", status_code=202, responses=refusals(Unauthenticated, LoginTooOld, TooOften))
async def erase_me(
    caller: Caller, db: Db, login_seconds: LoginSeconds, *, forfeit: Forfeit = False
) -> ErasureResponse:
    """
    Ask that what you wrote and what names you be erased; ledgers keep an opaque id.

    It cannot be undone, and needs a fresh login. Asked again, it is the same request until it is
    refused.
    """
    require_fresh_login(caller.auth_time, now=time.time(), max_age_seconds=login_seconds)
    async with db.transaction() as tx:
        await quotas.use(tx, caller.user, ERASURE_REQUESTS)
        found = await request_erasure(tx, caller.user, forfeit=forfeit, correlation_id=request_id())
    return _shown(found)


@router.get("/erasure", responses=refusals(Unauthenticated, NoErasure))
async def read_erasure(caller: Caller, db: Db) -> ErasureResponse:
    """Read what became of one's newest request to be erased."""
    async with db.transaction() as tx:
        return _shown(await erasures.read_erasure(tx, caller.user))


@router.get("/export", responses=refusals(Unauthenticated))
async def list_exports(_: Caller) -> Exports:
    """List where each service gives all that it knows of oneself."""
    return Exports(items=[Export(service=each, path=f"/v1/me/export/{each}") for each in EXPORTED])


def _shown(report: ErasureReport) -> ErasureResponse:
    answers = {answer.service: answer for answer in report.answers}
    erasure = report.erasure
    return ErasureResponse(
        erasure=erasure.id,
        state=erasure.state,
        forfeit=erasure.forfeit,
        requested_at=erasure.requested_at,
        decided_at=erasure.decided_at,
        services=[
            ErasureAnswer(
                service=service,
                obstacles=None if found is None or found.obstacles is None else [*found.obstacles],
                erased=None if found is None or found.erased is None else dict(found.erased),
            )
            for service in ALL
            for found in (answers.get(service),)
        ],
    )
