"""The rows of purchases."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from random import uniform
from uuid import UUID

from services.purchase import columns as tables
from services.purchase.domain.purchases import CHECK_SECONDS_FIRST, Purchase
from services.purchase.domain.watches import FIRST_AFTER
from services.purchase.store.checks import NEXT_CHECK
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, unnest
from shared.postgres.statements import text

_FIELDS = tuple(field.name for field in fields(Purchase))
# A store sets the price, so what was paid may be another amount than what was offered.
_CHANGING = (
    *_FIELDS[_FIELDS.index("amount_minor") : _FIELDS.index("product")],
    *("first_purchase_coins", "promo_coins"),
)
_purchase = RowMapper(Purchase, tables.Purchase)
_SELECT = f"SELECT {_purchase.columns} FROM purchases"  # noqa: S608 - our own text only


_NEW = (*_FIELDS, *("idempotency_key", "request_hash", "counted_minor", "next_check_at", "checks"))
# The key derives the id, so two requests at once may meet in either index.
_ADD = text(f"""
    INSERT INTO purchases ({", ".join(_NEW)})
    SELECT {", ".join(_NEW)} FROM {unnest(tables.Purchase, *_NEW)}
    WHERE CAST(:open_max AS bigint) > (
        SELECT count(*) FILTER (WHERE state IN ('created', 'pending')) FROM purchases
        WHERE viewer = :owner AND created_at > CAST(:open_since AS timestamptz)
    )
    ON CONFLICT DO NOTHING RETURNING id
""")  # noqa: S608 - our own text only


async def add(
    tx: Transaction,
    purchase: Purchase,
    *,
    key: str,
    request_hash: bytes,
    counted_minor: int,
    next_check_at: datetime,
    open_since: datetime,
    open_max: int,
) -> bool:
    """
    Record a purchase; False if its key is known, or its viewer has too many purchases open.

    Open is what was recorded after `open_since` and is neither paid nor at its end.
    """
    more = {
        "idempotency_key": key,
        "request_hash": request_hash,
        "counted_minor": counted_minor,
        "next_check_at": next_check_at,
        "checks": 0,
    }
    row = arrays([purchase], *_FIELDS) | {name: [value] for name, value in more.items()}
    counted = {"owner": purchase.viewer, "open_since": open_since, "open_max": open_max}
    return bool(await tx.execute(_ADD, {**row, **counted}))


_OF_KEY = text(
    f"SELECT {_purchase.columns}, request_hash FROM purchases"  # noqa: S608 - our own text only
    " WHERE viewer = :viewer AND idempotency_key = :key"
)


async def of_key(tx: Transaction, viewer: str, key: str) -> tuple[Purchase, bytes] | None:
    """Return what a viewer requested under a key, and the hash of the request."""
    row = (await tx.execute(_OF_KEY, {"viewer": viewer, "key": key})).first()
    return (_purchase(row), row["request_hash"]) if row is not None else None


_READ = text(f"{_SELECT} WHERE viewer = :viewer AND id = :id")


async def read(tx: Transaction, viewer: str, purchase: UUID) -> Purchase | None:
    row = (await tx.execute(_READ, {"viewer": viewer, "id": purchase})).first()
    return _purchase(row) if row is not None else None


_HAS_PROMOTION = text("""
    SELECT 1 FROM purchases WHERE viewer = :viewer AND campaign = :campaign AND promo_coins > 0
""")


async def has_promotion(tx: Transaction, viewer: str, campaign: str) -> bool:
    """Return whether a purchase of the viewer has the coins of a campaign."""
    return bool(await tx.execute(_HAS_PROMOTION, {"viewer": viewer, "campaign": campaign}))


_BY_ID = text(f"{_SELECT} WHERE id = ANY(CAST(:ids AS uuid[]))")


async def by_id(tx: Transaction, ids: Sequence[UUID]) -> list[Purchase]:
    """Return purchases whose viewers are not known: a provider refers to the purchase alone."""
    return [_purchase(row) for row in await tx.execute(_BY_ID, {"ids": list(ids)})]


_PAGE = f"{_SELECT} WHERE viewer = :viewer %s ORDER BY created_at DESC, id DESC LIMIT :limit"
_NEWEST, _OLDER = text(_PAGE % ""), text(_PAGE % "AND (created_at, id) < (:at, :id)")


async def page(
    tx: Transaction, viewer: str, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Purchase]:
    """Return a viewer's newest purchases, older than `before`."""
    parameters = {"viewer": viewer, "limit": limit}
    if before is None:
        rows = await tx.execute(_NEWEST, parameters)
    else:
        rows = await tx.execute(_OLDER, {**parameters, "at": before[0], "id": before[1]})
    return [_purchase(row) for row in rows]


_LOCK = text(f"""
    {_SELECT} WHERE (viewer, id) IN (SELECT * FROM {unnest(tables.Purchase, "viewer", "id")})
    ORDER BY viewer, id FOR UPDATE OF purchases
""")  # noqa: S608 - our own text only


async def lock(
    tx: Transaction, keys: Sequence[tuple[str, UUID]]
) -> dict[tuple[str, UUID], Purchase]:
    """Read purchases and lock them until the transaction ends, in sorted order."""
    viewers, ids = [viewer for viewer, _ in keys], [purchase for _, purchase in keys]
    rows = await tx.execute(_LOCK, {"viewer": viewers, "id": ids})
    return {(row["viewer"], row["id"]): _purchase(row) for row in rows}


_ASSIGNED = ", ".join(f"{name} = new.{name}" for name in _CHANGING)
_SAVE = text(f"""
    UPDATE purchases SET {_ASSIGNED},
        checks = CASE WHEN purchases.state = new.state THEN purchases.checks ELSE 0 END,
        next_check_at = CASE
            WHEN new.state NOT IN ('created', 'pending') THEN NULL
            WHEN purchases.state = new.state THEN purchases.next_check_at
            ELSE CAST(:check_at AS timestamptz)
        END,
        watch_at = CASE
            WHEN new.paid_at IS NULL THEN NULL
            WHEN purchases.paid_at IS NOT NULL THEN purchases.watch_at
            ELSE new.watch_at
        END
    FROM {unnest(tables.Purchase, "viewer", "id", *_CHANGING, "watch_at")}
    WHERE purchases.viewer = new.viewer AND purchases.id = new.id
""")  # noqa: S608 - our own text only


async def save(tx: Transaction, purchases: Sequence[Purchase], *, now: datetime) -> None:
    """Write what became of locked purchases, and when to poll or to watch them again."""
    if purchases:
        await tx.execute(
            _SAVE,
            {
                **arrays(purchases, "viewer", "id", *_CHANGING),
                # Not all at the same time: the pauses differ by up to a quarter.
                "watch_at": [now + FIRST_AFTER * uniform(0.75, 1.25) for _ in purchases],  # noqa: S311
                "check_at": now + timedelta(seconds=CHECK_SECONDS_FIRST),
            },
        )


_CLAIM = text(f"""
    UPDATE purchases
    SET checks = purchases.checks + 1,
        next_check_at = CASE
            WHEN expires_at > CAST(:now AS timestamptz) THEN least(expires_at, due.next)
            ELSE due.next
        END
    FROM (
        SELECT viewer, id, {NEXT_CHECK} AS next FROM purchases
        WHERE next_check_at <= CAST(:now AS timestamptz)
        ORDER BY next_check_at LIMIT :limit FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE purchases.viewer = due.viewer AND purchases.id = due.id
    RETURNING {_purchase.columns}
""")  # noqa: S608 - our own text only


async def claim(tx: Transaction, *, now: datetime, limit: int) -> list[Purchase]:
    """
    Take the open purchases that are due for a status poll, until their next one.

    The pause doubles each time, but never runs past the moment the purchase expires.
    """
    return [_purchase(row) for row in await tx.execute(_CLAIM, {"now": now, "limit": limit})]
