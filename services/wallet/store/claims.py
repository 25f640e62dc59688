"""What is known of money that was taken back, or may be."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text

from services.wallet.domain.claims import Frozen, Settlements
from shared.database import Transaction


@dataclass(slots=True)
class Known:
    """What was heard about one user's purchases, changing as a batch is decided."""

    # By purchase and dispute: the newest revision, and how much of the price it claims.
    disputes: dict[tuple[UUID, str], tuple[int, int]] = field(default_factory=dict)
    # By what coins are kept for: the purchase, and whether they still are.
    freezes: dict[str, tuple[UUID, str]] = field(default_factory=dict)
    frozen: Frozen = field(default_factory=dict)
    settlements: Settlements = field(default_factory=dict)

    def claimed_minor(self, purchase: UUID) -> int:
        """How much of a purchase's price all its disputes claim together."""
        return sum(
            claimed for (about, _), (_, claimed) in self.disputes.items() if about == purchase
        )

    def frozen_of(self, purchase: UUID) -> list[str]:
        """What the coins of a purchase are kept for now."""
        return self._kept(purchase, "frozen")

    def burnt_of(self, purchase: UUID) -> list[str]:
        """What the coins of a purchase were refunded for."""
        return self._kept(purchase, "burnt")

    def _kept(self, purchase: UUID, wanted: str) -> list[str]:
        return [
            key
            for key, (about, state) in self.freezes.items()
            if about == purchase and state == wanted
        ]


async def known(
    tx: Transaction, users: Iterable[str], purchases: Collection[UUID]
) -> dict[str, Known]:
    """Read what was heard about these purchases before; the users' accounts are locked."""
    found = {user: Known() for user in users}
    asked = {"users": list(found), "purchases": list(purchases)}
    for row in await tx.execute(_DISPUTES, asked):
        about = (row.purchase, row.dispute)
        found[row.user_id].disputes[about] = (row.revision, row.claimed_minor)
    for row in await tx.execute(_FREEZES, asked):
        found[row.user_id].freezes[row.kept_for] = (row.purchase, row.state)
    for row in await tx.execute(_FROZEN, asked):
        found[row.user_id].frozen.setdefault(row.kept_for, {})[row.lot] = row.coins
    for row in await tx.execute(_SETTLEMENTS, {"users": list(found)}):
        found[row.user_id].settlements[row.lot, row.payer] = row.coins
    return found


async def find_freeze(tx: Transaction, user: str, freeze: str) -> tuple[UUID | None, str]:
    """Return the purchase whose coins are kept, and whether they still are."""
    row = (await tx.execute(_FREEZE, {"user": user, "freeze": freeze})).first()
    return (row.purchase, row.state) if row else (None, "")


async def save(tx: Transaction, known_by_user: Mapping[str, Known]) -> None:
    """Write what is known now."""
    disputes = [
        (user, purchase, dispute, revision, claimed)
        for user, of_user in known_by_user.items()
        for (purchase, dispute), (revision, claimed) in of_user.disputes.items()
    ]
    freezes = [
        (user, freeze, purchase, state)
        for user, of_user in known_by_user.items()
        for freeze, (purchase, state) in of_user.freezes.items()
    ]
    frozen = [
        (user, freeze, lot, coins)
        for user, of_user in known_by_user.items()
        for freeze, by_lot in of_user.frozen.items()
        for lot, coins in by_lot.items()
    ]
    settlements = [
        (user, lot, payer, coins)
        for user, of_user in known_by_user.items()
        for (lot, payer), coins in of_user.settlements.items()
    ]
    for statement, rows in (
        (_SAVE_DISPUTES, disputes),
        (_SAVE_FREEZES, freezes),
        (_SAVE_FROZEN, frozen),
        (_SAVE_SETTLEMENTS, settlements),
    ):
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            await tx.execute(
                statement, {f"c{number}": column for number, column in enumerate(columns)}
            )


_DISPUTES = text("""
    SELECT user_id, purchase, dispute, revision, claimed_minor FROM disputes
    WHERE user_id = ANY(CAST(:users AS text[])) AND purchase = ANY(CAST(:purchases AS uuid[]))
""")
_FREEZES = text("""
    SELECT user_id, kept_for, purchase, state FROM freezes
    WHERE user_id = ANY(CAST(:users AS text[])) AND purchase = ANY(CAST(:purchases AS uuid[]))
""")
_FROZEN = text("""
    SELECT user_id, kept_for, lot, coins FROM frozen_coins JOIN freezes USING (user_id, kept_for)
    WHERE user_id = ANY(CAST(:users AS text[])) AND purchase = ANY(CAST(:purchases AS uuid[]))
""")
_SETTLEMENTS = text("""
    SELECT user_id, lot, payer, coins FROM settlements
    WHERE user_id = ANY(CAST(:users AS text[])) AND coins > 0
    ORDER BY lot, payer
""")
_SAVE_DISPUTES = text("""
    INSERT INTO disputes (user_id, purchase, dispute, revision, claimed_minor)
    SELECT * FROM unnest(
        CAST(:c0 AS text[]), CAST(:c1 AS uuid[]), CAST(:c2 AS text[]), CAST(:c3 AS integer[]),
        CAST(:c4 AS bigint[])
    )
    ON CONFLICT (user_id, purchase, dispute) DO UPDATE
    SET revision = excluded.revision, claimed_minor = excluded.claimed_minor
    WHERE disputes.revision < excluded.revision
""")
_SAVE_FREEZES = text("""
    INSERT INTO freezes (user_id, kept_for, purchase, state)
    SELECT * FROM unnest(
        CAST(:c0 AS text[]), CAST(:c1 AS text[]), CAST(:c2 AS uuid[]), CAST(:c3 AS text[])
    )
    ON CONFLICT (user_id, kept_for) DO UPDATE SET state = excluded.state
    WHERE freezes.state <> excluded.state
""")
_SAVE_FROZEN = text("""
    INSERT INTO frozen_coins (user_id, kept_for, lot, coins)
    SELECT * FROM unnest(
        CAST(:c0 AS text[]), CAST(:c1 AS text[]), CAST(:c2 AS uuid[]), CAST(:c3 AS bigint[])
    )
    ON CONFLICT (user_id, kept_for, lot) DO UPDATE SET coins = excluded.coins
    WHERE frozen_coins.coins <> excluded.coins
""")
_SAVE_SETTLEMENTS = text("""
    INSERT INTO settlements (user_id, lot, payer, coins)
    SELECT * FROM unnest(
        CAST(:c0 AS text[]), CAST(:c1 AS uuid[]), CAST(:c2 AS uuid[]), CAST(:c3 AS bigint[])
    )
    ON CONFLICT (user_id, lot, payer) DO UPDATE SET coins = excluded.coins
    WHERE settlements.coins <> excluded.coins
""")
_FREEZE = text("SELECT purchase, state FROM freezes WHERE user_id = :user AND kept_for = :freeze")
