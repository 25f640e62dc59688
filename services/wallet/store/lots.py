"""The coins themselves: lots, and the slices of them that paid for gifts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from services.wallet import tables
from services.wallet.domain.coins import Lot, spending_order
from services.wallet.domain.reversals import GiftSlice
from shared.postgres.database import Transaction
from shared.postgres.rows import RowMapper, arrays, insert_rows, update_rows


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
        lots[row.user_id].append(_lot(row))
    return {user: spending_order(of_user) for user, of_user in lots.items()}


async def add_lots(tx: Transaction, lots: Sequence[NewLot]) -> None:
    if lots:
        await tx.execute(_ADD_LOTS, {**arrays(lots, **_NEW), "open": [True for _ in lots]})


async def lots_to_derive(
    tx: Transaction, users: Iterable[str], purchases: Iterable[UUID]
) -> dict[str, dict[UUID, Lot]]:
    """
    Read what facts about these purchases may touch.

    Their lots, those in debt, those that pay debts, and those that could: all with coins left. A
    claim is a share of a whole purchase, so its lots are read together. The users' accounts are
    locked.
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


async def slices_of(
    tx: Transaction, lots: Sequence[tuple[str, UUID]]
) -> dict[UUID, list[GiftSlice]]:
    """Read which gifts these lots have paid, in the order of the gifts."""
    slices: dict[UUID, list[GiftSlice]] = {lot: [] for _, lot in lots}
    if lots:
        asked = {"users": [user for user, _ in lots], "lots": [lot for _, lot in lots]}
        for row in await tx.execute(_SLICES_OF, asked):
            slices[row.lot].append(GiftSlice(row.gift, row.coins, row.entry))
    return slices


_KEY = ("user_id", "id")
_CHANGING = (
    *("remaining", "spent", "held", "refunded", "charged_back", "paid_debts", "adjusted"),
    *("expired", "owed", "repaid", "revision"),
)
_FROM_LOT = (
    *("id", "purchase", "coins", "price_minor", "currency"),
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
_ADD_LOTS = insert_rows(tables.Lot, *_NEW, "open")
# The gifts of a lot are among the viewer's entries since the one that brought it: no index of
# lots has to be kept while gifts are paid.
_SLICES_OF = text("""
    SELECT slice.lot, substr(reference, 6)::uuid AS gift, slice.coins, number AS entry
    FROM (
        SELECT asked.user_id, array_agg(asked.lot) AS lots, min(funded.number) AS first
        FROM unnest(CAST(:users AS text[]), CAST(:lots AS uuid[])) AS asked (user_id, lot)
        JOIN lots ON lots.user_id = asked.user_id AND lots.id = asked.lot
        JOIN entries AS funded
            ON funded.user_id COLLATE "C" = lots.user_id
            AND funded.reference IN ('purchase:' || lots.purchase, 'adjustment:' || lots.purchase)
        GROUP BY asked.user_id
    ) AS asked
    JOIN entries ON entries.user_id = asked.user_id AND number > first AND kind = 'gift',
        unnest(entries.lots, coalesce(slices, amounts[2:2])) AS slice (lot, coins)
    WHERE slice.lot = ANY(asked.lots)
    ORDER BY number
""")
