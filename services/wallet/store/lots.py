"""The coins themselves: lots, and the gifts that they have paid."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.wallet import columns as tables
from services.wallet.domain.coins import Lot, spending_order
from shared.ledger.recall import ENTRIES, hold_archives, joined, recall
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows
from shared.postgres.statements import text


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot as it is opened, and the place its money came from."""

    user: str
    lot: Lot
    channel: str
    country: str | None


async def open_lots(tx: Transaction, users: Iterable[str]) -> dict[str, list[Lot]]:
    """Read the lots with coins left, in spending order; the users' accounts are locked."""
    lots: dict[str, list[Lot]] = {user: [] for user in users}
    for row in await tx.execute(_OPEN_LOTS, {"users": list(lots)}):
        lots[row["user_id"]].append(_lot(row))
    return {
        user: spending_order(of_user) if len(of_user) > 1 else of_user
        for user, of_user in lots.items()
    }


async def add_lots(tx: Transaction, lots: Sequence[NewLot]) -> None:
    if lots:
        await tx.execute(_ADD_LOTS, {**arrays(lots, **_NEW), "open": [True for _ in lots]})


async def lots_to_derive(
    tx: Transaction, users: Iterable[str], purchases: Iterable[UUID]
) -> dict[str, dict[UUID, Lot]]:
    """
    Read what facts about these purchases may touch.

    Their lots, those in debt, those that pay debts, and those that could: all with coins left, or
    with forfeited ones. A claim is a share of a whole purchase, so its lots are read together.
    The users' accounts are locked.
    """
    lots: dict[str, dict[UUID, Lot]] = {user: {} for user in users}
    asked = {"users": list(lots), "purchases": list(purchases)}
    for row in await tx.execute(_LOTS_TO_DERIVE, asked):
        lots[row.user_id][row.id] = _lot(row)
    return lots


async def save_lots(tx: Transaction, lots: Sequence[tuple[str, Lot]]) -> None:
    """Write where the coins of changed lots are."""
    if lots:
        values = arrays([lot for _, lot in lots], "id", *_CHANGING)
        await tx.execute(_SAVE_LOTS, {"user_id": [user for user, _ in lots], **values})


async def has_lots(tx: Transaction, user: str) -> bool:
    return bool(await tx.execute(_HAS_LOTS, {"user": user}))


async def give_up_lots(tx: Transaction, user: str) -> None:
    """Mark all lots of a viewer as given up; their accounts are locked."""
    await tx.execute(_GIVE_UP, {"user": user})


async def changed_gifts(
    tx: Transaction, lots: Sequence[tuple[str, Lot, Lot]], *, gifts_max: int
) -> dict[UUID, list[str]]:
    """
    Return which gifts' reversals change, in parts of at most `gifts_max`, each as JSON.

    `lots` are the viewer, the lot as it is now, and as it was. A gift comes with the coins that
    stand reversed from now on, in the order of the gifts.
    """
    parts: dict[UUID, list[str]] = {lot.id: [] for _, lot, _ in lots}
    if lots:
        asked = {
            "archived": await _archived(tx, lots),
            "users": [user for user, _, _ in lots],
            "lots": [lot.id for _, lot, _ in lots],
            "now": [lot.reversed for _, lot, _ in lots],
            "was": [before.reversed for _, _, before in lots],
            "gifts_max": gifts_max,
        }
        for row in await tx.execute(_CHANGED_GIFTS, asked):
            parts[row.lot].append(row.gifts)
    return parts


async def _archived(tx: Transaction, lots: Sequence[tuple[str, Lot, Lot]]) -> str:
    """Recall the entries of viewers since the lots came, of those lots that came long ago."""
    await hold_archives(tx)
    asked = {
        "users": [user for user, _, _ in lots],
        "purchases": [lot.purchase for _, lot, _ in lots],
    }
    funded = await tx.execute(_FUNDED_IN_ARCHIVES, asked)
    return joined([await recall(tx, row.user_id, first=row.first) for row in funded])


_KEY = ("user_id", "id")
_CHANGING = (
    *("remaining", "spent", "held", "refunded", "charged_back", "paid_debts", "adjusted"),
    *("expired", "forfeited", "owed", "repaid", "revision"),
)
_FROM_LOT = (
    *("id", "purchase", "coins", "price_minor", "tax_minor", "currency"),
    *("diamond_rate_bp", "funded_at", "expires_at"),
)
# Columns of a new lot, and where a `NewLot` has them.
_NEW = {
    **{name: name for name in ("channel", "country")},
    **{name: f"lot.{name}" for name in _FROM_LOT},
    "user_id": "user",
    "kind": "lot.origin.value",
    "remaining": "lot.coins",
}
_lot = RowMapper(Lot, tables.Lot, origin="kind")
_COLUMNS = f"{_lot.columns}, lots.user_id"
_OPEN_LOTS = text(
    f"SELECT {_COLUMNS} FROM lots WHERE user_id = ANY(CAST(:users AS text[])) AND open"  # noqa: S608
)
# User by user: OFFSET 0 keeps each step a look-up by the user's key, on any statistics.
_LOTS_TO_DERIVE = text(f"""
    SELECT lots.*
    FROM unnest(CAST(:users AS text[])) AS asked (user_id)
    CROSS JOIN LATERAL (
        SELECT array_agg(payer) || array_agg(lot) AS lots FROM repayments
        WHERE repayments.user_id = asked.user_id AND coins > 0
        OFFSET 0
    ) AS repaying
    CROSS JOIN LATERAL (
        SELECT DISTINCT purchase FROM lots
        WHERE lots.user_id = asked.user_id AND (
            open
            OR owed > repaid
            OR forfeited > 0
            OR purchase = ANY(CAST(:purchases AS uuid[]))
            OR id = ANY(repaying.lots)
        )
        OFFSET 0
    ) AS touched
    CROSS JOIN LATERAL (
        SELECT {_COLUMNS} FROM lots
        WHERE lots.user_id = asked.user_id AND lots.purchase = touched.purchase
        OFFSET 0
    ) AS lots
""")  # noqa: S608 - our own text only
_SAVE_LOTS = update_rows(tables.Lot, _KEY, _CHANGING, also="open = new.remaining > 0")
_HAS_LOTS = text("SELECT 1 FROM lots WHERE user_id = :user LIMIT 1")
_GIVE_UP = text("UPDATE lots SET is_forfeit = true WHERE user_id = :user")
_ADD_LOTS = insert_rows(tables.Lot, *_NEW, "open")
_FUNDED_IN_ARCHIVES = text("""
    SELECT asked.user_id, min(number) AS first
    FROM unnest(CAST(:users AS text[]), CAST(:purchases AS uuid[])) AS asked (user_id, purchase),
        LATERAL (
            SELECT number FROM archived_keys
            WHERE archived_keys.user_id = asked.user_id AND key IN (
                reference_key(NULL, 'purchase:' || asked.purchase),
                reference_key(NULL, 'adjustment:' || asked.purchase)
            )
            OFFSET 0
        ) AS found
    GROUP BY asked.user_id
""")
# The gifts of a lot are among the viewer's entries since the one that brought it: no index of
# lots has to be kept while gifts are paid. The latest gifts stand reversed first: the later a gift,
# the likelier its diamonds are still pending, and no money is lost. A lot may have paid a hundred
# thousand gifts, so they are compared here, and only what changes is returned.
_CHANGED_GIFTS = text(f"""
    WITH asked AS (
        SELECT user_id, lot, was, now
        FROM unnest(
            CAST(:users AS text[]), CAST(:lots AS uuid[]),
            CAST(:was AS bigint[]), CAST(:now AS bigint[])
        ) AS asked (user_id, lot, was, now)
    ), paid AS (
        SELECT slice.lot, gift, slice.coins, number,
               (sum(slice.coins) OVER (PARTITION BY slice.lot) - sum(slice.coins) OVER (
                   PARTITION BY slice.lot ORDER BY number ROWS UNBOUNDED PRECEDING
               ))::bigint AS later_coins
        FROM (
            SELECT asked.user_id, array_agg(asked.lot) AS lots, min(funded.number) AS first
            FROM asked
            JOIN lots ON lots.user_id = asked.user_id AND lots.id = asked.lot
            CROSS JOIN LATERAL (
                SELECT number FROM {ENTRIES} AS entries
                WHERE user_id COLLATE "C" = lots.user_id AND reference
                    IN ('purchase:' || lots.purchase, 'adjustment:' || lots.purchase)
                OFFSET 0
            ) AS funded
            GROUP BY asked.user_id
        ) AS asked
        CROSS JOIN LATERAL (
            SELECT * FROM {ENTRIES} AS entries
            WHERE user_id = asked.user_id AND number > first AND kind = 'gift'
            OFFSET 0
        ) AS entries,
            unnest(entries.lots, coalesce(slices, amounts[2:2])) AS slice (lot, coins)
        WHERE slice.lot = ANY(asked.lots)
    ), compared AS (
        SELECT lot, gift, number,
               greatest(0, least(coins, was - later_coins)) AS was_coins,
               greatest(0, least(coins, now - later_coins)) AS now_coins
        FROM paid JOIN asked USING (lot)
    ), changed AS (
        SELECT lot, gift, now_coins,
               row_number() OVER (PARTITION BY lot ORDER BY number) - 1 AS place
        FROM compared WHERE was_coins <> now_coins
    )
    SELECT lot, place / CAST(:gifts_max AS bigint) AS part, json_agg(
        json_build_object('gift', gift, 'reversed_coins', now_coins) ORDER BY place
    )::text AS gifts
    FROM changed GROUP BY lot, part ORDER BY lot, part
""")  # noqa: S608 - our own text only
