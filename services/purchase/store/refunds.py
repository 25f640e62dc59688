"""Refunds, warnings, and who has excluded themselves."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.purchase.domain.refund_evidence import LOOK_SECONDS
from services.purchase.domain.refunds import Refund, RefundState
from shared.postgres.database import Row, Transaction


async def add(tx: Transaction, refund: Refund, *, key: str, request_hash: bytes) -> bool:
    """Record a refund; False if its key is known, or another is open."""
    added = await tx.execute(
        _ADD,
        {
            "viewer": refund.viewer,
            "purchase": refund.purchase,
            "id": refund.id,
            "key": key,
            "hash": request_hash,
            "requested_by": refund.requested_by,
            "currency": refund.currency,
            "requested_at": refund.requested_at,
        },
    )
    return bool(added)


async def of_key(tx: Transaction, viewer: str, key: str) -> tuple[Refund, bytes] | None:
    row = (await tx.execute(_OF_KEY, {"viewer": viewer, "key": key})).first()
    return (_refund(row), row.request_hash) if row else None


async def of_former_key(
    tx: Transaction, viewer: str, key: str, *, operator: str
) -> tuple[Refund, bytes] | None:
    """
    Find an operator's refund by its key as older versions kept it: with a space in between.

    A viewer's key can be the same text, and so can another operator's: the audit log knows whose
    it was.
    """
    asked = {"viewer": viewer, "key": key, "operator": operator}
    row = (await tx.execute(_OF_FORMER_KEY, asked)).first()
    return (_refund(row), row.request_hash) if row else None


async def of_purchase(tx: Transaction, viewer: str, purchase: UUID) -> list[Refund]:
    """Return all refunds of a purchase, the newest first."""
    rows = await tx.execute(_OF_PURCHASE, {"viewer": viewer, "purchase": purchase})
    return [_refund(row) for row in rows]


async def of_purchases(
    tx: Transaction, keys: Sequence[tuple[str, UUID]]
) -> dict[tuple[str, UUID], list[Refund]]:
    """Return all refunds of locked purchases, in one order whoever asks."""
    viewers, purchases = [viewer for viewer, _ in keys], [purchase for _, purchase in keys]
    found: dict[tuple[str, UUID], list[Refund]] = {key: [] for key in keys}
    for row in await tx.execute(_OF_PURCHASES, {"viewers": viewers, "purchases": purchases}):
        found[row["viewer"], row["purchase"]].append(_refund(row))
    return found


async def by_id(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, Refund]:
    rows = await tx.execute(_BY_ID, {"ids": list(ids)})
    return {row.id: _refund(row) for row in rows}


async def save(tx: Transaction, refunds: Sequence[Refund], *, now: datetime) -> None:
    """Write what became of refunds whose purchases are locked."""
    if refunds:
        await tx.execute(
            _SAVE,
            {
                "viewers": [each.viewer for each in refunds],
                "purchases": [each.purchase for each in refunds],
                "ids": [each.id for each in refunds],
                "states": [each.state.value for each in refunds],
                "coins": [each.coins for each in refunds],
                "amounts": [each.amount_minor for each in refunds],
                "reasons": [each.reason for each in refunds],
                "settled": [each.settled_at for each in refunds],
                "provider_refunds": [each.provider_refund for each in refunds],
                "now": now,
                "look_seconds": LOOK_SECONDS[0],
            },
        )


async def burnt(tx: Transaction, ids: Sequence[UUID], *, now: datetime) -> None:
    """Remember that the wallet has burnt the coins of these refunds."""
    await tx.execute(_BURNT, {"ids": list(ids), "now": now})


async def warnings(tx: Transaction, viewer: str, purchase: UUID) -> set[str]:
    rows = await tx.execute(_WARNINGS, {"viewer": viewer, "purchase": purchase})
    return {row.warning for row in rows}


async def add_warning(
    tx: Transaction, viewer: str, purchase: UUID, *, warning: str, reason: str
) -> None:
    await tx.execute(
        _ADD_WARNING,
        {"viewer": viewer, "purchase": purchase, "warning": warning, "reason": reason},
    )


async def exclude(tx: Transaction, exclusions: Sequence[tuple[str, UUID, datetime, bool]]) -> None:
    """Remember who wants to be kept from buying until when, or no longer."""
    viewers, ids, until, ended = (list(each) for each in zip(*exclusions, strict=True))
    await tx.execute(_EXCLUDE, {"viewers": viewers, "ids": ids, "until": until, "ended": ended})


async def excluded_until(tx: Transaction, viewer: str, *, now: datetime) -> datetime | None:
    until: datetime | None = (
        await tx.execute(_EXCLUDED, {"viewer": viewer, "now": now})
    ).scalar_one_or_none()
    return until


def _refund(row: Row) -> Refund:
    values = {name: row[name] for name in _FIELDS}
    return Refund(**{**values, "state": RefundState(row["state"])})


_FIELDS = tuple(each.name for each in fields(Refund))
_COLUMNS = ", ".join(f"refunds.{name}" for name in _FIELDS)
_ADD = text("""
    INSERT INTO refunds (
        viewer, purchase, id, idempotency_key, request_hash, requested_by, state, currency,
        requested_at
    )
    VALUES (
        :viewer, :purchase, :id, :key, :hash, :requested_by, 'requested', :currency,
        :requested_at
    )
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_OF_KEY = text(
    f"SELECT {_COLUMNS}, request_hash FROM refunds"  # noqa: S608 - our own text only
    " WHERE viewer = :viewer AND idempotency_key = :key"
)
_OF_FORMER_KEY = text(f"""
    SELECT {_COLUMNS}, request_hash FROM refunds
    WHERE viewer = :viewer AND idempotency_key = :key AND requested_by = 'operator'
      AND EXISTS (
          SELECT FROM audit
          WHERE user_id = refunds.viewer AND operator = :operator
            AND action = 'refund.requested' AND facts ->> 'refund' = CAST(refunds.id AS text)
      )
""")  # noqa: S608 - our own text only
_OF_PURCHASE = text(
    f"SELECT {_COLUMNS} FROM refunds"  # noqa: S608 - our own text only
    " WHERE viewer = :viewer AND purchase = :purchase ORDER BY requested_at DESC"
)
_OF_PURCHASES = text(
    f"SELECT {_COLUMNS} FROM refunds"  # noqa: S608 - our own text only
    " WHERE (viewer, purchase) IN (SELECT * FROM unnest("
    "CAST(:viewers AS text[]), CAST(:purchases AS uuid[]))) ORDER BY requested_at, id"
)
_BY_ID = text(
    f"SELECT {_COLUMNS} FROM refunds WHERE id = ANY(CAST(:ids AS uuid[]))"  # noqa: S608 - our own
)
_SAVE = text("""
    UPDATE refunds AS r
    SET state = new.state, coins = new.coins, amount_minor = new.amount_minor,
        reason = new.reason, settled_at = new.settled_at, provider_refund = new.provider_refund,
        next_check_at = CASE
            WHEN new.state <> 'frozen' THEN NULL
            WHEN r.state = 'frozen' THEN r.next_check_at
            ELSE CAST(:now AS timestamptz)
        END,
        -- What the provider was asked for is looked at again: its money may still go, or come back.
        looks = CASE WHEN r.state = new.state THEN r.looks ELSE 0 END,
        look_at = CASE
            WHEN new.state NOT IN ('refunded', 'declined') THEN NULL
            WHEN r.state = new.state THEN r.look_at
            WHEN r.submitted_at IS NOT NULL OR r.checks > 0
                THEN CAST(:now AS timestamptz) + make_interval(secs => :look_seconds)
        END
    FROM unnest(
        CAST(:viewers AS text[]), CAST(:purchases AS uuid[]), CAST(:ids AS uuid[]),
        CAST(:states AS text[]), CAST(:coins AS bigint[]), CAST(:amounts AS bigint[]),
        CAST(:reasons AS text[]), CAST(:settled AS timestamptz[]),
        CAST(:provider_refunds AS text[])
    ) AS new (
        viewer, purchase, id, state, coins, amount_minor, reason, settled_at, provider_refund
    )
    WHERE r.viewer = new.viewer AND r.purchase = new.purchase AND r.id = new.id
""")
_BURNT = text("""
    UPDATE refunds SET burnt_at = coalesce(burnt_at, CAST(:now AS timestamptz))
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")
_WARNINGS = text("""
    SELECT warning FROM warnings WHERE viewer = :viewer AND purchase = :purchase
""")
_ADD_WARNING = text("""
    INSERT INTO warnings (viewer, purchase, warning, reason)
    VALUES (:viewer, :purchase, :warning, :reason)
""")
_EXCLUDE = text("""
    INSERT INTO exclusions (viewer, exclusion, until, ended)
    SELECT viewer, exclusion, max(until), bool_or(ended) FROM unnest(
        CAST(:viewers AS text[]), CAST(:ids AS uuid[]), CAST(:until AS timestamptz[]),
        CAST(:ended AS boolean[])
    ) AS new (viewer, exclusion, until, ended)
    GROUP BY viewer, exclusion ORDER BY viewer, exclusion
    ON CONFLICT (viewer, exclusion) DO UPDATE SET ended = exclusions.ended OR excluded.ended
""")
_EXCLUDED = text("""
    SELECT max(until) FROM exclusions
    WHERE viewer = :viewer AND NOT ended AND until > CAST(:now AS timestamptz)
""")
