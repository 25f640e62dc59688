"""What is known of viewers' purchases: disputes, refunds, warnings, and which debts are paid."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from uuid import UUID

from services.wallet import columns as tables
from services.wallet.domain.derivation import (
    WARNING_PREFIX,
    Claim,
    Hold,
    HoldState,
    PurchaseFacts,
)
from shared.postgres.database import Row, Transaction
from shared.postgres.rows import insert_rows
from shared.postgres.statements import text


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
        _add_lot(holds.setdefault(row.hold_key, _hold(row)), row)
    for row in await tx.execute(_REPAYMENTS, {"users": list(facts)}):
        facts[row.user_id].repayments[row.lot, row.payer] = row.coins
    return facts


async def known_holds(
    tx: Transaction, purchases: Collection[tuple[str, UUID]]
) -> dict[tuple[str, UUID], list[str]]:
    """Return the keys of the holds that are known of these users' purchases."""
    found: dict[tuple[str, UUID], list[str]] = {}
    if purchases:
        users, ids = (list(column) for column in zip(*purchases, strict=True))
        for row in await tx.execute(_KNOWN_HOLDS, {"users": users, "purchases": ids}):
            found.setdefault((row.user_id, row.purchase), []).append(row.hold_key)
    return found


async def purchase_of_hold(tx: Transaction, user: str, key: str) -> UUID | None:
    """Return the purchase whose coins are held under this key, if any ever were."""
    row = (await tx.execute(_PURCHASE_OF_HOLD, {"user": user, "key": key})).first()
    return row.purchase if row else None


async def save_purchase_facts(tx: Transaction, by_user: Mapping[str, PurchaseFacts]) -> None:
    """Write all that is known now of these users' purchases."""
    for statement, columns, rows in (
        (_SAVE_DISPUTES, _DISPUTE, _dispute_rows(by_user)),
        (_SAVE_HOLDS, _HOLD, _hold_rows(by_user)),
        (_SAVE_HELD_COINS, _HELD_COINS, _held_coins_rows(by_user)),
        (_SAVE_REPAYMENTS, _REPAYMENT, _repayment_rows(by_user)),
    ):
        listed = list(rows)
        if listed:
            values = [list(column) for column in zip(*listed, strict=True)]
            await tx.execute(statement, dict(zip(columns, values, strict=True)))


def _dispute_rows(by_user: Mapping[str, PurchaseFacts]) -> Iterator[tuple[object, ...]]:
    for user, facts in by_user.items():
        for (purchase, dispute), claim in facts.claims.items():
            yield user, purchase, dispute, claim.revision, claim.minor, claim.currency


def _hold_rows(by_user: Mapping[str, PurchaseFacts]) -> Iterator[tuple[object, ...]]:
    for user, facts in by_user.items():
        for key, hold in facts.holds.items():
            yield user, key, hold.purchase, hold.state, hold.refunded_coins


def _held_coins_rows(by_user: Mapping[str, PurchaseFacts]) -> Iterator[tuple[object, ...]]:
    for user, facts in by_user.items():
        for key, hold in facts.holds.items():
            answered = hold.answered or {}
            for lot in {*hold.held, *answered, *hold.refunded}:
                coins, refunded = hold.held.get(lot, 0), hold.refunded.get(lot, 0)
                yield user, key, lot, coins, answered.get(lot), refunded


def _repayment_rows(by_user: Mapping[str, PurchaseFacts]) -> Iterator[tuple[object, ...]]:
    for user, facts in by_user.items():
        for (lot, payer), paid in facts.repayments.items():
            yield user, lot, payer, paid


def _hold(row: Row) -> Hold:
    return Hold(
        purchase=row.purchase,
        state=HoldState(row.state),
        is_warning=row.hold_key.startswith(WARNING_PREFIX),
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
    SELECT user_id, hold_key, purchase, state, holds.refunded_coins AS hold_refunded_coins,
           lot, coins, answered_coins, held_coins.refunded_coins
    FROM holds LEFT JOIN LATERAL (
        SELECT * FROM held_coins
        WHERE held_coins.user_id = holds.user_id AND held_coins.hold_key = holds.hold_key
        OFFSET 0
    ) AS held_coins USING (user_id, hold_key)
    WHERE user_id = ANY(CAST(:users AS text[])) AND purchase = ANY(CAST(:purchases AS uuid[]))
""")
_KNOWN_HOLDS = text("""
    SELECT user_id, purchase, hold_key FROM holds
    JOIN unnest(CAST(:users AS text[]), CAST(:purchases AS uuid[])) AS asked (user_id, purchase)
        USING (user_id, purchase)
""")
_PURCHASE_OF_HOLD = text("SELECT purchase FROM holds WHERE user_id = :user AND hold_key = :key")
_REPAYMENTS = text("""
    SELECT paid.user_id, lot, payer, coins
    FROM unnest(CAST(:users AS text[])) AS asked (user_id) CROSS JOIN LATERAL (
        SELECT * FROM repayments WHERE repayments.user_id = asked.user_id AND coins > 0 OFFSET 0
    ) AS paid
    ORDER BY lot, payer
""")
_DISPUTE = ("user_id", "purchase", "dispute", "revision", "claimed_minor", "currency")
_HOLD = ("user_id", "hold_key", "purchase", "state", "refunded_coins")
_HELD_COINS = ("user_id", "hold_key", "lot", "coins", "answered_coins", "refunded_coins")
_REPAYMENT = ("user_id", "lot", "payer", "coins")
# Rows that say so already stay untouched.
_SAVE_DISPUTES = insert_rows(
    tables.Dispute,
    *_DISPUTE,
    then="""
        ON CONFLICT (user_id, purchase, dispute) DO UPDATE
        SET revision = excluded.revision, claimed_minor = excluded.claimed_minor,
            currency = excluded.currency
        WHERE disputes.revision < excluded.revision
    """,
)
_SAVE_HOLDS = insert_rows(
    tables.Hold,
    *_HOLD,
    then="""
        ON CONFLICT (user_id, hold_key) DO UPDATE
        SET state = excluded.state, refunded_coins = excluded.refunded_coins
        WHERE (holds.state, holds.refunded_coins)
            IS DISTINCT FROM (excluded.state, excluded.refunded_coins)
    """,
)
_SAVE_HELD_COINS = insert_rows(
    tables.HeldCoins,
    *_HELD_COINS,
    then="""
        ON CONFLICT (user_id, hold_key, lot) DO UPDATE
        SET coins = excluded.coins, answered_coins = excluded.answered_coins,
            refunded_coins = excluded.refunded_coins
        WHERE (held_coins.coins, held_coins.answered_coins, held_coins.refunded_coins)
            IS DISTINCT FROM (excluded.coins, excluded.answered_coins, excluded.refunded_coins)
    """,
)
_SAVE_REPAYMENTS = insert_rows(
    tables.Repayment,
    *_REPAYMENT,
    then="""
        ON CONFLICT (user_id, lot, payer) DO UPDATE SET coins = excluded.coins
        WHERE repayments.coins <> excluded.coins
    """,
)
