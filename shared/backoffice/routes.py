"""What every ledger offers to operators: corrections by two persons, and the audit log."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, ConfigDict, Field

from shared.backoffice.adjustments import (
    Adjustment,
    AdjustmentDecided,
    AdjustmentRequest,
    NoSuchAdjustment,
    OwnAdjustment,
    audit_lines,
    part_of_adjustment,
)
from shared.contracts.base import like
from shared.errors import Refusal
from shared.http import (
    AllParts,
    BadCursor,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    Page,
    Reference,
    UserId,
    from_state,
    number_in,
    page,
    refusals,
    request_id,
)
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import AdjustmentId, Instant, OperatorName, UserName
from shared.http.pages import Cursor
from shared.idempotency import KeyReused, fingerprint
from shared.identity.people import OwnMoney
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Transaction

ADJUST_SCOPE = "adjustments:write"
Adjuster = Annotated[Identity, operator_with(ADJUST_SCOPE)]
AUDIT_SCOPE = "audit:read"
AuditReader = Annotated[Identity, operator_with(AUDIT_SCOPE)]
AMOUNT_MAX = 1_000_000_000
Reads = Annotated[
    bool, Query(description="Whether also what operators only looked at.", examples=[True])
]
About = Annotated[
    UserId | None,
    Query(description="Only what was done to this user; without it, to all.", examples=["mira"]),
]
Reason = Annotated[
    str,
    Field(min_length=3, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["support-4711"]),
]

RequestAdjustment: TypeAlias = Callable[[Transaction, AdjustmentRequest], Awaitable[Adjustment]]
# A transaction, which adjustment, who decides, whether they agree, and the story it is part of.
Decide: TypeAlias = Callable[[Transaction, UUID, str, bool, str], Awaitable[Adjustment]]


@dataclass(frozen=True, slots=True)
class AdjustmentCommands:
    """How a service records a correction and how it decides one."""

    service: str
    request: RequestAdjustment
    decide: Decide


Commands = Annotated[AdjustmentCommands, from_state("adjustments")]


def _not_zero(amount: int) -> int:
    if not amount:
        raise ValueError("nothing would be adjusted")
    return amount


class Why(Body):
    """Why it is done: it is written into the audit log."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    """Why it is done, for colleagues and auditors; the audit log keeps it."""


class NewAdjustment(Why):
    """
    A correction to ask a colleague for.

    `amount` is what the user gets (positive) or loses (negative), in the unit of this ledger.
    """

    user: UserId
    """Whose balance it is: the `sub` of their token."""
    amount: Annotated[
        int,
        Field(strict=True, ge=-AMOUNT_MAX, le=AMOUNT_MAX, examples=[100, -100]),
        AfterValidator(_not_zero),
    ]
    """
    What the user gets (positive) or loses (negative): coins in wallet, diamonds in payout. It is
    never 0.
    """


class AdjustmentView(Body):
    """A correction: who asked for it, who decided, and how."""

    adjustment: AdjustmentId
    user: UserName
    """Whose balance it is: the `sub` of their token."""
    amount: Annotated[int, like(100, -100)]
    """What the user gets (positive) or loses (negative): coins in wallet, diamonds in payout."""
    reason: Annotated[str, like("support-4711")]
    """Why it was asked for."""
    state: Annotated[str, like("requested", "approved", "rejected")]
    """`requested` until a colleague decides, then `approved` and posted, or `rejected`."""
    requested_by: OperatorName
    """Who asked for it: the `sub` of the operator's token."""
    requested_at: Instant
    """When it was asked for."""
    decided_by: Annotated[str | None, like(None, "ben")]
    """
    The operator who decided: another than asked, unless it was taken back. Null until then.
    """
    decided_at: Annotated[Instant | None, like(None, "2026-11-23T12:05:00Z")]
    """When it was decided; null until then."""


class AuditLine(Body):
    """
    What an operator did.

    Of action `read` is what one looked at, and nothing was changed; `user` is empty if it was a
    list of several people.
    """

    model_config = ConfigDict(from_attributes=True)

    id: Annotated[int, like(512)]
    """The number of the line in the log of this service: it rises, and lines never change."""
    at: Instant
    """When it was done."""
    operator: OperatorName
    action: Annotated[str, like("adjustment.requested", "read")]
    """What was done; `read` is what was only looked at."""
    user: UserName
    """
    Whom it was about: the `sub` of their token, or the id of a thing, such as a gift type.
    Empty for a list of several people.
    """
    reason: Annotated[str, like("support-4711")]
    """Why, as the operator said it; of action `read`, the request."""
    facts: Annotated[dict[str, Any], like({"amount": 100})]
    """What else is known of it; which facts depends on the action."""


async def read_audit(
    _: AuditReader,
    db: Reference,
    user: About = None,
    reads: Reads = True,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[AuditLine]:
    """Read what operators did and looked at, the newest first; of one user, if given."""
    before = number_in(cursor)
    async with db.transaction() as tx:
        lines = await audit_lines(tx, user=user, reads=reads, before=before, limit=limit)
    return page([AuditLine.model_validate(line) for line in lines], limit, lambda line: [line.id])


async def request_adjustment(
    wanted: NewAdjustment, key: IdempotencyKey, caller: Adjuster, db: AllParts, commands: Commands
) -> AdjustmentView:
    """Ask for a correction of a balance; a colleague has to agree."""
    asked = AdjustmentRequest(
        commands.service,
        wanted.user,
        wanted.amount,
        wanted.reason,
        caller.user,
        key,
        fingerprint(wanted),
    )
    async with db.part_for(wanted.user).transaction() as tx:
        return _shown(await commands.request(tx, asked))


async def approve_adjustment(
    adjustment: AdjustmentId, caller: Adjuster, db: AllParts, commands: Commands
) -> AdjustmentView:
    """Agree to a colleague's correction; it is posted at once."""
    async with (await part_of_adjustment(db, adjustment)).transaction() as tx:
        decided = await commands.decide(tx, adjustment, caller.user, True, request_id())
    return _shown(decided)


async def reject_adjustment(
    adjustment: AdjustmentId, caller: Adjuster, db: AllParts, commands: Commands
) -> AdjustmentView:
    """Do not agree to a correction, or take one's own back."""
    async with (await part_of_adjustment(db, adjustment)).transaction() as tx:
        decided = await commands.decide(tx, adjustment, caller.user, False, request_id())
    return _shown(decided)


def add_audit(router: APIRouter, service: str) -> None:
    """Add the route that shows a service's audit log."""
    router.add_api_route(
        f"/operator/{service}/audit",
        read_audit,
        tags=["operator-audit"],
        name=f"list_{service}_audit_lines",
        responses=refusals(Unauthenticated, ScopeMissing, BadCursor),
    )


def add_adjustments(router: APIRouter, service: str, *refused: type[Refusal]) -> None:
    """
    Add the routes by which one operator asks for a correction and another decides.

    `app.state.adjustments` has the commands of the service; `refused` are its own refusals.
    """
    asking = refusals(IdempotencyKeyMissing, Unauthenticated, ScopeMissing, KeyReused, *refused)
    decided: tuple[type[Refusal], ...] = (OwnAdjustment, OwnMoney, AdjustmentDecided)
    deciding = refusals(Unauthenticated, ScopeMissing, NoSuchAdjustment, *decided, *refused)
    path = f"/operator/{service}/adjustments"
    for verb, suffix, route, status, responses in (
        ("request", "", request_adjustment, 201, asking),
        ("approve", "/{adjustment}/approve", approve_adjustment, 200, deciding),
        ("reject", "/{adjustment}/reject", reject_adjustment, 200, deciding),
    ):
        router.add_api_route(
            path + suffix,
            route,
            methods=["POST"],
            tags=["operator-adjustments"],
            status_code=status,
            name=f"{verb}_{service}_adjustment",
            responses=responses,
        )


def _shown(adjustment: Adjustment) -> AdjustmentView:
    return AdjustmentView(
        adjustment=adjustment.id,
        user=adjustment.user,
        amount=adjustment.amount,
        reason=adjustment.reason,
        state=adjustment.state,
        requested_by=adjustment.requested_by,
        requested_at=adjustment.requested_at,
        decided_by=adjustment.decided_by,
        decided_at=adjustment.decided_at,
    )
