"""What is known of viewers' purchases: disputes, refunds, warnings, and which debts are paid."""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from sqlalchemy import text

from services.wallet.domain.derivation import (
    WARNING_PREFIX,
    Claim,
    Hold,
    HoldState,
    PurchaseFacts,
)
from shared.postgres.database import Row, Transaction


async def purchase_facts(
    tx: Transaction, users: Iterable[str], purchases: Collection[UUID]
) -> dict[str, PurchaseFacts]:
    """Read what is known about these purchases; the users' accounts are locked."""
    facts = {user: PurchaseFacts() for user in users}
    asked = {"users": list(facts), "purchases": list(purchases)}
    for row in await tx.execute(_DISPUTES, asked):
        claim = Claim(row.revision, row.claimed_minor, row.currency)
        facts[row.user_id].claims[row.purchase, row.dispute] = claim
    for row in await tx.execute(_HOLDS, asked):
        holds = facts[row.user_id].holds
        _add_lot(holds.setdefault(row.kept_for, _hold(row)), row)
    for row in await tx.execute(_SETTLEMENTS, {"users": list(facts)}):
        facts[row.user_id].settlements[row.lot, row.payer] = row.coins
    return facts


async def known_holds(
    tx: Transaction, purchases: Collection[tuple[str, UUID]]
) -> dict[tuple[str, UUID], list[str]]:
    """Return the keys of the holds that are known of these users' purchases."""
    found: dict[tuple[str, UUID], list[str]] = {}
    if purchases:
        users, ids = (list(column) for column in zip(*purchases, strict=True))
        for row in await tx.execute(_KNOWN_HOLDS, {"users": users, "purchases": ids}):
            found.setdefault((row.user_id, row.purchase), []).append(row.kept_for)
    return found


async def purchase_of_hold(tx: Transaction, user: str, key: str) -> UUID | None:
    """Return the purchase whose coins are held under this key, if any ever were."""
    row = (await tx.execute(_PURCHASE_OF_HOLD, {"user": user, "key": key})).first()
    return row.purchase if row else None


async def save_purchase_facts(tx: Transaction, by_user: Mapping[str, PurchaseFacts]) -> None:
    """Write what is known now; rows that say so already stay untouched."""
    disputes = [
        (user, purchase, dispute, claim.revision, claim.minor, claim.currency)
        for user, facts in by_user.items()
        for (purchase, dispute), claim in facts.claims.items()
    ]
    holds = [
        (user, key, hold.purchase, hold.state.value, hold.refunded_coins)
        for user, facts in by_user.items()
        for key, hold in facts.holds.items()
    ]
    coins = [
        (
            *(user, key, lot, hold.held.get(lot, 0)),
            *((hold.answered or {}).get(lot), hold.refunded.get(lot, 0)),
        )
        for user, facts in by_user.items()
        for key, hold in facts.holds.items()
        for lot in {*hold.held, *(hold.answered or {}), *hold.refunded}
    ]
    settlements = [
        (user, lot, payer, paid)
        for user, facts in by_user.items()
        for (lot, payer), paid in facts.settlements.items()
    ]
    for statement, rows in (
        (_SAVE_DISPUTES, disputes),
        (_SAVE_HOLDS, holds),
        (_SAVE_HELD_COINS, coins),
        (_SAVE_SETTLEMENTS, settlements),
    ):
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            await tx.execute(
                statement, {f"c{number}": column for number, column in enumerate(columns)}
            )


def _hold(row: Row) -> Hold:
    return Hold(
        purchase=row.purchase,
        state=HoldState(row.state),
        is_warning=row.kept_for.startswith(WARNING_PREFIX),
        refunded_coins=row.hold_refunded_coins,
    )


def _add_lot(hold: Hold, row: Row) -> None:
    if row.lot is None:
        return
    hold.held[row.lot] = row.coins
    hold.refunded[row.lot] = row.refunded_coins
    if not hold.is_warning:
        # Before the answer was kept, what was held was what had been answered.
        answered = row.coins if row.answered_coins is None else row.answered_coins
        hold.answered = {**(hold.answered or {}), row.lot: answered}


_DISPUTES = text("""
    SELECT user_id, purchase, dispute, revision, claimed_minor, currency FROM disputes
    WHERE user_id = ANY(CAST(:users AS text[])) AND purchase = ANY(CAST(:purchases AS uuid[]))
""")
_HOLDS = text("""
    SELECT user_id, kept_for, purchase, state, freezes.refunded_coins AS hold_refunded_coins,
           lot, coins, answered_coins, frozen_coins.refunded_coins
    FROM freezes LEFT JOIN frozen_coins USING (user_id, kept_for)
    WHERE user_id = ANY(CAST(:users AS text[])) AND purchase = ANY(CAST(:purchases AS uuid[]))
""")
_KNOWN_HOLDS = text("""
    SELECT user_id, purchase, kept_for FROM freezes
    JOIN unnest(CAST(:users AS text[]), CAST(:purchases AS uuid[])) AS asked (user_id, purchase)
        USING (user_id, purchase)
""")
_PURCHASE_OF_HOLD = text("SELECT purchase FROM freezes WHERE user_id = :user AND kept_for = :key")
_SETTLEMENTS = text("""
    SELECT user_id, lot, payer, coins FROM settlements
    WHERE user_id = ANY(CAST(:users AS text[])) AND coins > 0
    ORDER BY lot, payer
""")
_SAVE_DISPUTES = text("""
    INSERT INTO disputes (user_id, purchase, dispute, revision, claimed_minor, currency)
    SELECT * FROM unnest(
        CAST(:c0 AS text[]), CAST(:c1 AS uuid[]), CAST(:c2 AS text[]), CAST(:c3 AS integer[]),
        CAST(:c4 AS bigint[]), CAST(:c5 AS text[])
    )
    ON CONFLICT (user_id, purchase, dispute) DO UPDATE
    SET revision = excluded.revision, claimed_minor = excluded.claimed_minor,
        currency = excluded.currency
    WHERE disputes.revision < excluded.revision
""")
_SAVE_HOLDS = text("""
    INSERT INTO freezes (user_id, kept_for, purchase, state, refunded_coins)
    SELECT * FROM unnest(
        CAST(:c0 AS text[]), CAST(:c1 AS text[]), CAST(:c2 AS uuid[]), CAST(:c3 AS text[]),
        CAST(:c4 AS bigint[])
    )
    ON CONFLICT (user_id, kept_for) DO UPDATE
    SET state = excluded.state, refunded_coins = excluded.refunded_coins
    WHERE (freezes.state, freezes.refunded_coins)
        IS DISTINCT FROM (excluded.state, excluded.refunded_coins)
""")
_SAVE_HELD_COINS = text("""
    INSERT INTO frozen_coins (user_id, kept_for, lot, coins, answered_coins, refunded_coins)
    SELECT * FROM unnest(
        CAST(:c0 AS text[]), CAST(:c1 AS text[]), CAST(:c2 AS uuid[]), CAST(:c3 AS bigint[]),
        CAST(:c4 AS bigint[]), CAST(:c5 AS bigint[])
    )
    ON CONFLICT (user_id, kept_for, lot) DO UPDATE
    SET coins = excluded.coins, answered_coins = excluded.answered_coins,
        refunded_coins = excluded.refunded_coins
    WHERE (frozen_coins.coins, frozen_coins.answered_coins, frozen_coins.refunded_coins)
        IS DISTINCT FROM (excluded.coins, excluded.answered_coins, excluded.refunded_coins)
""")
_SAVE_SETTLEMENTS = text("""
    INSERT INTO settlements (user_id, lot, payer, coins)
    SELECT * FROM unnest(
        CAST(:c0 AS text[]), CAST(:c1 AS uuid[]), CAST(:c2 AS uuid[]), CAST(:c3 AS bigint[])
    )
    ON CONFLICT (user_id, lot, payer) DO UPDATE SET coins = excluded.coins
    WHERE settlements.coins <> excluded.coins
""")
