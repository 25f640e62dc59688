"""The coins themselves: lots, and the slices of them that paid for gifts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from uuid import UUID

from sqlalchemy import text

from services.wallet.domain.coins import Lot, Origin, spending_order
from services.wallet.domain.reversals import GiftSlice
from services.wallet.domain.spending import Slice
from shared.postgres.database import Row, Transaction


@dataclass(frozen=True, slots=True)
class NewLot:
    """A lot as it is opened, and the place its money came from."""

    user: str
    lot: Lot
    channel: str
    country: str | None


@dataclass(frozen=True, slots=True)
class Payment:
    """Which slices paid for a gift, under which entry."""

    user: str
    gift: UUID
    entry: int
    slices: tuple[Slice, ...]


async def open_lots(tx: Transaction, users: Iterable[str]) -> dict[str, list[Lot]]:
    """Read the lots with coins left, in spending order; the users' accounts are locked."""
    lots: dict[str, list[Lot]] = {user: [] for user in users}
    for row in await tx.execute(_OPEN_LOTS, {"users": list(lots)}):
        lots[row.user_id].append(_lot(row))
    return {user: spending_order(of_user) for user, of_user in lots.items()}


async def add_lots(tx: Transaction, lots: Sequence[NewLot]) -> None:
    if not lots:
        return
    await tx.execute(
        _ADD_LOTS,
        {
            "users": [new.user for new in lots],
            "ids": [new.lot.id for new in lots],
            "purchases": [new.lot.purchase for new in lots],
            "kinds": [new.lot.origin.value for new in lots],
            "coins": [new.lot.coins for new in lots],
            "prices": [new.lot.price_minor for new in lots],
            "currencies": [new.lot.currency for new in lots],
            "channels": [new.channel for new in lots],
            "countries": [new.country for new in lots],
            "rates": [new.lot.diamond_rate_bp for new in lots],
            "funded": [new.lot.funded_at for new in lots],
            "expires": [new.lot.expires_at for new in lots],
        },
    )


async def record_payments(tx: Transaction, payments: Sequence[Payment]) -> None:
    """Remember which coins went, and take them out of their lots."""
    if not payments:
        return
    rows = [(payment, slice_) for payment in payments for slice_ in payment.slices]
    await tx.execute(
        _ADD_SLICES,
        {
            "users": [payment.user for payment, _ in rows],
            "gifts": [payment.gift for payment, _ in rows],
            "lots": [slice_.lot.id for _, slice_ in rows],
            "coins": [slice_.coins for _, slice_ in rows],
            "entries": [payment.entry for payment, _ in rows],
        },
    )
    touched = {(payment.user, slice_.lot.id): slice_.lot for payment, slice_ in rows}
    await tx.execute(
        _UPDATE_LOTS,
        {
            "users": [user for user, _ in touched],
            "ids": [lot for _, lot in touched],
            "remaining": [lot.remaining for lot in touched.values()],
            "spent": [lot.spent for lot in touched.values()],
        },
    )


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
    """Write every coin's whereabouts in lots that changed."""
    if lots:
        values = {f"{name}s": [getattr(lot, name) for _, lot in lots] for name in _CHANGING}
        users, ids = [user for user, _ in lots], [lot.id for _, lot in lots]
        await tx.execute(_SAVE_LOTS, {"users": users, "ids": ids, **values})


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


def _lot(row: Row) -> Lot:
    values = {name: row[name] for name in _FIELDS}
    return Lot(**{**values, "origin": Origin(row["kind"])})


_FIELDS = tuple(field.name for field in fields(Lot) if field.name != "origin")
_CHANGING = (
    *("remaining", "frozen", "spent", "refunded", "burned", "paid_debts", "adjusted", "expired"),
    *("owed", "settled", "revision"),
)
_COLUMNS = ", ".join(f"lots.{name}" for name in (*_FIELDS, "kind", "user_id"))
_OPEN_LOTS = text(
    f"SELECT {_COLUMNS} FROM lots WHERE user_id = ANY(CAST(:users AS text[])) AND open"  # noqa: S608
)
_LOTS_TO_DERIVE = text(f"""
    WITH touched AS (
        SELECT DISTINCT user_id, purchase FROM lots
        WHERE user_id = ANY(CAST(:users AS text[])) AND (
            open
            OR owed > settled
            OR purchase = ANY(CAST(:purchases AS uuid[]))
            OR (user_id, id) IN (
                SELECT user_id, payer FROM settlements
                WHERE user_id = ANY(CAST(:users AS text[])) AND coins > 0
            )
            OR (user_id, id) IN (
                SELECT user_id, lot FROM settlements
                WHERE user_id = ANY(CAST(:users AS text[])) AND coins > 0
            )
        )
    )
    SELECT {_COLUMNS} FROM lots
    JOIN touched ON touched.user_id = lots.user_id AND touched.purchase = lots.purchase
""")  # noqa: S608 - our own text only
_SAVE_LOTS = text("""
    UPDATE lots
    SET remaining = new.remaining, open = new.remaining > 0, frozen = new.frozen,
        spent = new.spent, refunded = new.refunded, burned = new.burned,
        paid_debts = new.paid_debts, adjusted = new.adjusted, expired = new.expired,
        owed = new.owed, settled = new.settled, revision = new.revision
    FROM unnest(
        CAST(:users AS text[]), CAST(:ids AS uuid[]), CAST(:remainings AS bigint[]),
        CAST(:frozens AS bigint[]), CAST(:spents AS bigint[]), CAST(:refundeds AS bigint[]),
        CAST(:burneds AS bigint[]), CAST(:paid_debtss AS bigint[]), CAST(:adjusteds AS bigint[]),
        CAST(:expireds AS bigint[]), CAST(:oweds AS bigint[]), CAST(:settleds AS bigint[]),
        CAST(:revisions AS bigint[])
    ) AS new (
        user_id, id, remaining, frozen, spent, refunded, burned, paid_debts, adjusted, expired,
        owed, settled, revision
    )
    WHERE lots.user_id = new.user_id AND lots.id = new.id
""")
_SLICES_OF = text("""
    SELECT slices.lot, gift, coins, entry
    FROM slices
    JOIN unnest(CAST(:users AS text[]), CAST(:lots AS uuid[])) AS asked (user_id, lot)
        USING (user_id, lot)
    ORDER BY entry, gift
""")
_ADD_LOTS = text("""
    INSERT INTO lots (
        user_id, id, purchase, kind, coins, remaining, open, price_minor, currency, channel,
        country, diamond_rate_bp, funded_at, expires_at
    )
    SELECT user_id, id, purchase, kind, coins, coins, true, price_minor, currency, channel,
           country, diamond_rate_bp, funded_at, expires_at
    FROM unnest(
        CAST(:users AS text[]), CAST(:ids AS uuid[]), CAST(:purchases AS uuid[]),
        CAST(:kinds AS text[]), CAST(:coins AS bigint[]), CAST(:prices AS bigint[]),
        CAST(:currencies AS text[]), CAST(:channels AS text[]), CAST(:countries AS text[]),
        CAST(:rates AS integer[]), CAST(:funded AS timestamptz[]), CAST(:expires AS timestamptz[])
    ) AS new (
        user_id, id, purchase, kind, coins, price_minor, currency, channel, country,
        diamond_rate_bp, funded_at, expires_at
    )
""")
_ADD_SLICES = text("""
    INSERT INTO slices (user_id, gift, lot, coins, entry)
    SELECT * FROM unnest(
        CAST(:users AS text[]), CAST(:gifts AS uuid[]), CAST(:lots AS uuid[]),
        CAST(:coins AS bigint[]), CAST(:entries AS bigint[])
    )
""")
_UPDATE_LOTS = text("""
    UPDATE lots
    SET remaining = new.remaining, spent = new.spent, open = new.remaining > 0
    FROM unnest(
        CAST(:users AS text[]), CAST(:ids AS uuid[]), CAST(:remaining AS bigint[]),
        CAST(:spent AS bigint[])
    ) AS new (user_id, id, remaining, spent)
    WHERE lots.user_id = new.user_id AND lots.id = new.id
""")
