"""Bonuses: operators ask for them and grant them, a creator reads their own."""

from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from services.payout.api.payouts import WiredRules
from services.payout.commands import bonuses
from services.payout.commands.bonuses import BonusRequest
from services.payout.domain.bonuses import (
    Bonus,
    BonusDecided,
    BonusState,
    NoSuchBonus,
    OwnBonus,
)
from services.payout.domain.rates import Rules
from services.payout.store import bonuses as store
from shared.backoffice.routes import AMOUNT_MAX, Why
from shared.contracts.base import in_unit, like
from shared.http import (
    AllParts,
    BadCursor,
    Db,
    IdempotencyKey,
    IdempotencyKeyMissing,
    Limit,
    OwnCreator,
    Page,
    moment_in,
    page,
    refusals,
    request_id,
)
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import BonusId, CreatorId, CreatorName, Diamonds, Instant, OperatorName
from shared.http.pages import Cursor
from shared.idempotency import KeyReused, fingerprint
from shared.identity.people import NotYours, OwnMoney
from shared.identity.tokens import Identity, Unauthenticated
from shared.postgres.database import Part

router = APIRouter()

BONUSES_SCOPE = "bonuses:write"
BonusWriter = Annotated[Identity, operator_with(BONUSES_SCOPE)]
DECIDING = refusals(*(Unauthenticated, ScopeMissing, OwnMoney, NoSuchBonus, OwnBonus, BonusDecided))

WAITING_SHOWN_MAX = 100


class NewBonus(Why):
    """
    Diamonds that a creator should get, and who pays for them: a name of the operator's books.

    The reason is shown to the creator.
    """

    diamonds: Annotated[int, Field(strict=True, gt=0, le=AMOUNT_MAX), in_unit("diamonds", 1_000)]
    """How many diamonds the creator should get."""
    funder: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$", examples=["spring-contest"])
    ]
    """Who pays for them: a name of your books, whose account is `@bonus:` and this name."""


class OwnBonusResponse(Body):
    """A bonus of one's own: what it is for, and until when it waits."""

    bonus: BonusId
    funder: Annotated[str, like("spring-contest")]
    """Who pays for it: a name of the operator's books."""
    diamonds: Annotated[Diamonds, like(1_000)]
    """How many diamonds it brought."""
    reason: Annotated[str, like("first place")]
    """What it is for."""
    earned_at: Instant
    """When it was granted."""
    matures_at: Annotated[Instant, like("2026-11-30T12:00:00Z")]
    """When its diamonds become available, or became so."""
    hold_reason: Annotated[str, like("standard", "new-creator")]
    """Why they wait or waited: `standard`, or `new-creator`."""
    matured: bool
    """Whether they are available now."""


class BonusResponse(Body):
    """A bonus: who asked for it, who decided, and how."""

    bonus: BonusId
    creator: CreatorName
    funder: Annotated[str, like("spring-contest")]
    """Who pays for it: a name of your books."""
    diamonds: Annotated[Diamonds, like(1_000)]
    """How many diamonds it brings."""
    reason: Annotated[str, like("first place")]
    """What it is for; the creator reads it."""
    state: Annotated[BonusState, like("granted")]
    """`requested` until a colleague decides, then `granted` and posted, or `rejected`."""
    requested_by: OperatorName
    """Who asked for it: the `sub` of the operator's token."""
    requested_at: Instant
    """When it was asked for."""
    decided_by: Annotated[str, like("ben")] | None
    """Who decided: the `sub` of the operator's token. Null until it is decided."""
    decided_at: Annotated[Instant, like("2026-11-23T12:05:00Z")] | None
    """When it was decided; null until then."""
    matures_at: Annotated[Instant, like("2026-11-30T12:00:00Z")] | None
    """When its diamonds become available; null unless it was granted."""


class WaitingBonuses(Body):
    """The oldest of them; there may be more."""

    items: list[BonusResponse]
    """At most 100 bonuses, the oldest first."""


@router.get(
    "/earnings/{creator:person}/bonuses",
    tags=["earnings"],
    responses=refusals(Unauthenticated, NotYours, BadCursor),
)
async def list_bonuses(
    creator: OwnCreator, db: Db, cursor: Cursor = None, limit: Limit = 50
) -> Page[OwnBonusResponse]:
    """Read the bonuses that one was granted, newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        found = await store.newest(
            tx, creator, state=BonusState.GRANTED, before=before, limit=limit
        )
    return Page(
        items=[_own(bonus) for bonus in found], next_cursor=page(found, limit, _place).next_cursor
    )


@router.post(
    "/operator/creators/{creator:person}/bonuses",
    tags=["operator-creators"],
    status_code=201,
    responses=refusals(IdempotencyKeyMissing, Unauthenticated, ScopeMissing, OwnMoney, KeyReused),
)
async def request_bonus(
    creator: CreatorId, wanted: NewBonus, key: IdempotencyKey, caller: BonusWriter, db: Db
) -> BonusResponse:
    """Ask for a bonus of a creator; a colleague has to grant it."""
    asked = BonusRequest(
        creator,
        wanted.funder,
        wanted.diamonds,
        wanted.reason,
        caller.user,
        key,
        fingerprint(wanted),
    )
    async with db.transaction() as tx:
        return _response(await bonuses.request_bonus(tx, asked))


@router.get(
    "/operator/creators/{creator:person}/bonuses",
    tags=["operator-creators"],
    responses=refusals(Unauthenticated, ScopeMissing, BadCursor),
)
async def list_bonuses_of_creator(
    creator: CreatorId, _: BonusWriter, db: Db, cursor: Cursor = None, limit: Limit = 50
) -> Page[BonusResponse]:
    """Read all bonuses of a creator, also rejected ones, newest first."""
    before = moment_in(cursor)
    async with db.transaction() as tx:
        found = await store.newest(tx, creator, state=None, before=before, limit=limit)
    return Page(
        items=[_response(bonus) for bonus in found],
        next_cursor=page(found, limit, _place).next_cursor,
    )


@router.get(
    "/operator/payout/bonuses",
    tags=["operator-creators"],
    responses=refusals(Unauthenticated, ScopeMissing),
)
async def list_waiting_bonuses(_: BonusWriter, db: AllParts) -> WaitingBonuses:
    """Read which bonuses wait for a colleague, the oldest first."""
    found = await db.read_first(
        store.waiting, WAITING_SHOWN_MAX, key=attrgetter("requested_at", "id")
    )
    return WaitingBonuses(items=[_response(bonus) for bonus in found])


@router.post(
    "/operator/creators/{creator:person}/bonuses/{bonus}/approve",
    tags=["operator-creators"],
    responses=DECIDING,
)
async def approve_bonus(
    creator: CreatorId, bonus: BonusId, caller: BonusWriter, db: Db, rules: WiredRules
) -> BonusResponse:
    """Grant a colleague's bonus; its diamonds mature as others do."""
    return await _decide(db, creator, bonus, caller, rules, is_granted=True)


@router.post(
    "/operator/creators/{creator:person}/bonuses/{bonus}/reject",
    tags=["operator-creators"],
    responses=DECIDING,
)
async def reject_bonus(
    creator: CreatorId, bonus: BonusId, caller: BonusWriter, db: Db, rules: WiredRules
) -> BonusResponse:
    """Do not grant a bonus, or take one's own request back."""
    return await _decide(db, creator, bonus, caller, rules, is_granted=False)


async def _decide(
    db: Part, creator: str, bonus: BonusId, caller: Identity, rules: Rules, *, is_granted: bool
) -> BonusResponse:
    async with db.transaction() as tx:
        decided = await bonuses.decide_bonus(
            tx,
            creator,
            bonus,
            is_granted=is_granted,
            operator=caller.user,
            correlation_id=request_id(),
            rules=rules,
        )
    return _response(decided)


def _place(bonus: Bonus) -> list[str]:
    return [bonus.requested_at.isoformat(), str(bonus.id)]


def _own(bonus: Bonus) -> OwnBonusResponse:
    assert bonus.decided_at is not None
    assert bonus.matures_at is not None
    assert bonus.hold_reason is not None
    return OwnBonusResponse(
        bonus=bonus.id,
        funder=bonus.funder,
        diamonds=bonus.diamonds,
        reason=bonus.reason,
        earned_at=bonus.decided_at,
        matures_at=bonus.matures_at,
        hold_reason=bonus.hold_reason,
        matured=bonus.matured,
    )


def _response(bonus: Bonus) -> BonusResponse:
    return BonusResponse(
        bonus=bonus.id,
        creator=bonus.creator,
        funder=bonus.funder,
        diamonds=bonus.diamonds,
        reason=bonus.reason,
        state=bonus.state,
        requested_by=bonus.requested_by,
        requested_at=bonus.requested_at,
        decided_by=bonus.decided_by,
        decided_at=bonus.decided_at,
        matures_at=bonus.matures_at,
    )
