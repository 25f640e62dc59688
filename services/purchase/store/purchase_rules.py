"""What is known of a viewer who wants to buy, for the purchase rules."""

from datetime import datetime
from uuid import UUID

from services.purchase.domain.disputes import ELSEWHERE
from services.purchase.domain.purchase_rules import History, PastPurchase, PurchaseRules
from services.purchase.domain.purchases import State
from shared.postgres.database import Transaction
from shared.postgres.statements import text

_REFUND, _DISPUTE, _OPEN_DISPUTE, _WARNING = "refund", "dispute", "open-dispute", "warning"
_BOUGHT = "bought"


async def history_of(
    tx: Transaction, viewer: str, rules: PurchaseRules, *, now: datetime
) -> History:
    """
    Read what the rules count, in one statement; the viewer's quota is locked.

    How many purchases these are is bounded by the quota of a day.
    """
    bought, refunded, flagged = rules.remembers
    since = {
        "bought_since": now - bought,
        "refunded_since": now - refunded,
        "flagged_since": now - flagged,
    }
    rows = list(await tx.execute(_HISTORY, {"viewer": viewer, **since}))
    back: dict[UUID, datetime] = {}
    for row in rows:
        if row.what in (_REFUND, _DISPUTE, _OPEN_DISPUTE):
            # A refund and a dispute of one purchase are one purchase whose money went back.
            back[row.purchase] = max(row.at, back.get(row.purchase, row.at))
    return History(
        purchases=tuple(
            PastPurchase(row.at, State(row.what), row.counted_minor)
            for row in rows
            if row.counted_minor is not None
        ),
        refunded=back,
        warnings=tuple(row.at for row in rows if row.what == _WARNING),
        has_open_dispute=any(row.what == _OPEN_DISPUTE for row in rows),
        bought_before=any(row.what == _BOUGHT for row in rows),
    )


_HISTORY = text(f"""
    SELECT state AS what, created_at AS at, id AS purchase, counted_minor FROM purchases
    WHERE viewer = :viewer AND created_at > CAST(:bought_since AS timestamptz)
    UNION ALL (
        SELECT '{_BOUGHT}', created_at, id, NULL FROM purchases
        WHERE viewer = :viewer AND (paid_at IS NOT NULL OR first_purchase_coins > 0) LIMIT 1
    )
    UNION ALL
    SELECT '{_REFUND}', decided_at, purchase, NULL FROM refunds
    WHERE viewer = :viewer AND state = 'refunded'
        AND decided_at > CAST(:refunded_since AS timestamptz)
    UNION ALL
    SELECT CASE state WHEN 'open' THEN '{_OPEN_DISPUTE}' ELSE '{_DISPUTE}' END, recorded_at,
        purchase, NULL
    FROM disputes
    WHERE viewer = :viewer AND state <> 'won'
        AND (state = 'open' OR recorded_at > CAST(:refunded_since AS timestamptz))
        -- Money that had bought nothing is given back elsewhere: that is no sign of fraud.
        AND (revision > 0 OR reason <> '{ELSEWHERE}')
    UNION ALL
    SELECT '{_WARNING}', recorded_at, purchase, NULL FROM warnings
    WHERE viewer = :viewer AND recorded_at > CAST(:flagged_since AS timestamptz)
""")  # noqa: S608 - our own text only
