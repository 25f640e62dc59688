"""Corrections of balances by two operators, and the audit log of what operators do."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from pydantic_core import to_json

from shared.contracts.base import NAMESPACE
from shared.errors import Kind, Refusal
from shared.http.operator_reads import READ
from shared.idempotency import KeyReused, record_key
from shared.identity.people import require_other_person, same_person
from shared.postgres.database import Database, Part, Transaction
from shared.postgres.rows import RowMapper
from shared.postgres.statements import text


class NoSuchAdjustment(Refusal):
    """There is no such adjustment."""

    kind = Kind.NOT_FOUND


class OwnAdjustment(Refusal):
    """Nobody can approve what they asked for themselves."""

    kind = Kind.FORBIDDEN


class AdjustmentDecided(Refusal):
    """This adjustment has been decided already."""

    kind = Kind.CONFLICT


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A correction of one user's balance, asked for by one operator and decided by another."""

    user: str
    id: UUID
    amount: int
    reason: str
    requested_by: str
    requested_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class AdjustmentRequest:
    """A correction that an operator requests; a repeat has the same key."""

    service: str
    user: str
    amount: int
    reason: str
    operator: str
    key: str
    request_hash: bytes

    @property
    def id(self) -> UUID:
        """Only the user and operators see it: it names no user to others."""
        about = f"{self.operator}\n{self.user}\n{self.key}"
        return uuid5(NAMESPACE, f"{self.service}-adjustment\n{about}")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One action of one operator."""

    id: int
    at: datetime
    operator: str
    action: str
    user: str
    reason: str
    facts: dict[str, Any]


async def audit(
    tx: Transaction, *, operator: str, action: str, user: str, reason: str, **facts: object
) -> None:
    """Record who did what to whom and why; the line can never be changed."""
    await tx.execute(
        _AUDIT,
        {
            "operator": operator,
            "action": action,
            "user": user,
            "reason": reason,
            "facts": to_json(facts).decode(),
        },
    )


async def audit_lines(
    tx: Transaction, *, user: str | None, reads: bool, before: int | None, limit: int
) -> list[AuditLine]:
    """Return what operators did, the newest first; to one user, if given."""
    values = {"user": user, "reads": reads, "read": READ, "before": before, "limit": limit}
    rows = await tx.execute(_AUDIT_LINES, values)
    return [_line(row) for row in rows]


async def request_adjustment(tx: Transaction, request: AdjustmentRequest) -> Adjustment:
    """Record a correction that an operator requests; a repeat finds the recorded one."""
    require_other_person(operator=request.operator, user=request.user)
    added = await tx.execute(
        _REQUEST,
        {
            "user": request.user,
            "id": request.id,
            "key": request.key,
            "hash": request.request_hash,
            "amount": request.amount,
            "reason": request.reason,
            "requested_by": request.operator,
        },
    )
    row = (await tx.execute(_FIND, {"id": request.id})).one()
    if row.request_hash != request.request_hash:
        raise KeyReused(adjustment=request.id)
    route = f"/v1/operator/{request.service}/adjustments"
    tx.after_commit(lambda: record_key(route, is_new=bool(added)))
    if added:
        await audit(
            tx,
            operator=request.operator,
            action="adjustment.requested",
            user=request.user,
            reason=request.reason,
            adjustment=request.id,
            amount=request.amount,
        )
    return _adjustment(row)


async def find_adjustment(tx: Transaction, adjustment: UUID) -> Adjustment:
    row = (await tx.execute(_FIND, {"id": adjustment})).first()
    if row is None:
        raise NoSuchAdjustment(adjustment=adjustment)
    return _adjustment(row)


async def part_of_adjustment(database: Database, adjustment: UUID) -> Part:
    """Return the part of the user whom an adjustment is about: its id does not name them."""
    for part in database.parts:
        async with part.transaction() as tx:
            if await tx.execute(_FIND, {"id": adjustment}):
                return part
    raise NoSuchAdjustment(adjustment=adjustment)


async def decide_adjustment(
    tx: Transaction, adjustment: Adjustment, *, operator: str, state: str
) -> bool:
    """
    Decide an adjustment whose user is locked; False if it was decided this way before.

    Its author may take it back, but never approve it; the owner of the balance may do neither. All
    three are compared as persons: another spelling of an id makes no colleague.
    """
    require_other_person(operator=operator, user=adjustment.user)
    if adjustment.state == state:
        return False
    if adjustment.state != "requested":
        raise AdjustmentDecided(state=adjustment.state)
    if state == "applied":
        # An older version may have recorded it without this rule.
        require_other_person(operator=adjustment.requested_by, user=adjustment.user)
        if same_person(adjustment.requested_by, operator):
            raise OwnAdjustment(adjustment=adjustment.id)
    await tx.execute(
        _DECIDE,
        {
            "user": adjustment.user,
            "id": adjustment.id,
            "state": state,
            "operator": operator,
            "now": datetime.now(UTC),
        },
    )
    await audit(
        tx,
        operator=operator,
        action=f"adjustment.{state}",
        user=adjustment.user,
        reason=adjustment.reason,
        adjustment=adjustment.id,
        amount=adjustment.amount,
    )
    return True


_AUDIT = text("""
    INSERT INTO audit (operator, action, user_id, reason, facts)
    VALUES (:operator, :action, :user, :reason, CAST(CAST(:facts AS text) AS jsonb))
""")
_line = RowMapper(AuditLine, user="user_id")
_adjustment = RowMapper(Adjustment, user="user_id")

_AUDIT_LINES = text("""
    SELECT id, at, operator, action, user_id, reason, facts FROM audit
    WHERE (CAST(:user AS text) IS NULL OR user_id = CAST(:user AS text))
      AND (:reads OR action <> :read)
      AND id < coalesce(CAST(:before AS bigint), 9223372036854775807)
    ORDER BY id DESC LIMIT :limit
""")
_REQUEST = text("""
    INSERT INTO adjustments (
        user_id, id, idempotency_key, request_hash, amount, reason, requested_by
    )
    VALUES (:user, :id, :key, :hash, :amount, :reason, :requested_by)
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_FIND = text("""
    SELECT user_id, id, amount, reason, requested_by, requested_at, state, decided_by,
           decided_at, request_hash
    FROM adjustments WHERE id = :id
""")
_DECIDE = text("""
    UPDATE adjustments
    SET state = :state, decided_by = :operator, decided_at = CAST(:now AS timestamptz)
    WHERE user_id = :user AND id = :id
""")
