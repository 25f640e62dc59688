"""The wallet's own invariants: lots are balances, slices are gifts, outcomes are postings."""

from shared.ledger.verification import LEDGER_INVARIANTS, invariant

INVARIANTS = (
    *LEDGER_INVARIANTS,
    invariant(
        "lots-are-balances",
        """
            SELECT user_id, format('lots hold %s, keep %s and owe %s; the accounts say %s, %s, %s',
                                   spendable, lots_held, debt, main, held, owed) AS detail
            FROM (
                SELECT user_id, sum(remaining - held) AS spendable, sum(held) AS lots_held,
                       sum(owed - repaid) AS debt
                FROM lots WHERE {users} GROUP BY user_id
            ) AS l
            FULL JOIN (
                SELECT user_id, coalesce(sum(balance) FILTER (WHERE kind = 'main'), 0) AS main,
                       coalesce(sum(balance) FILTER (WHERE kind = 'held'), 0) AS held,
                       coalesce(-sum(balance) FILTER (WHERE kind = 'debt'), 0) AS owed
                FROM accounts WHERE {users} GROUP BY user_id
            ) AS a USING (user_id)
            WHERE (coalesce(spendable, 0), coalesce(lots_held, 0), coalesce(debt, 0))
               IS DISTINCT FROM (coalesce(main, 0), coalesce(held, 0), coalesce(owed, 0))
        """,
    ),
    invariant(
        "slices-are-gifts",
        """
            SELECT user_id, format('gift entry %s cost %s, its slices are %s', entry, cost,
                                   coins) AS detail
            FROM (
                SELECT user_id, entry, sum(amount) AS cost FROM postings
                WHERE {users} AND account = '@spent' GROUP BY user_id, entry
            ) AS p
            FULL JOIN (
                SELECT user_id, entry, sum(coins) AS coins FROM slices
                WHERE {users} GROUP BY user_id, entry
            ) AS s USING (user_id, entry)
            WHERE cost IS DISTINCT FROM coins
        """,
    ),
    invariant(
        "lots-spent-their-slices",
        """
            SELECT user_id, format('lot %s spent %s, its slices are %s', lot, spent, coins)
            AS detail
            FROM (SELECT user_id, id AS lot, spent FROM lots WHERE {users}) AS l
            FULL JOIN (
                SELECT user_id, lot, sum(coins) AS coins FROM slices
                WHERE {users} GROUP BY user_id, lot
            ) AS s USING (user_id, lot)
            WHERE coalesce(spent, 0) <> coalesce(coins, 0)
        """,
    ),
    invariant(
        "credits-opened-their-lots",
        """
            SELECT user_id, format('%s brought %s coins, its lots had %s', reference, amount, coins)
                AS detail
            FROM (
                SELECT e.user_id, e.reference, p.amount FROM entries AS e
                JOIN postings AS p ON p.user_id = e.user_id AND p.entry = e.id
                WHERE {p.users} AND e.kind = 'credit' AND p.account = 'main'
            ) AS c
            FULL JOIN (
                SELECT user_id, 'purchase:' || purchase AS reference, sum(coins) AS coins FROM lots
                WHERE {users} AND channel <> 'adjustment' GROUP BY user_id, purchase
            ) AS l USING (user_id, reference)
            WHERE amount IS DISTINCT FROM coins
        """,
    ),
    invariant(
        "held-coins-have-reasons",
        """
            SELECT user_id, format('lot %s holds %s, for reasons that add up to %s', lot, held,
                                   coins) AS detail
            FROM (SELECT user_id, id AS lot, held FROM lots WHERE {users}) AS l
            FULL JOIN (
                SELECT user_id, lot, sum(coins) AS coins FROM held_coins
                WHERE {users} GROUP BY user_id, lot
            ) AS f USING (user_id, lot)
            WHERE coalesce(held, 0) <> coalesce(coins, 0)
        """,
    ),
    invariant(
        "debts-were-paid-by-lots",
        """
            SELECT user_id, format('lot %s has %s paid, repayments say %s', lot, paid, coins)
                AS detail
            FROM (
                SELECT user_id, id AS lot, repaid - paid_debts AS paid FROM lots WHERE {users}
            ) AS l
            FULL JOIN (
                SELECT user_id, lot, sum(coins) AS coins FROM (
                    SELECT user_id, lot, coins FROM repayments WHERE {users}
                    UNION ALL
                    SELECT user_id, payer, -coins FROM repayments WHERE {users}
                ) AS legs GROUP BY user_id, lot
            ) AS s USING (user_id, lot)
            WHERE coalesce(paid, 0) <> coalesce(coins, 0)
        """,
    ),
    invariant(
        "outcomes-say-what-was-posted",
        """
            SELECT o.user_id, format('%s says %s coins and a balance of %s; posted were %s, %s',
                                     o.reference, o.outcome->>'coins', o.outcome->>'balance_coins',
                                     p.amount, p.balance_after) AS detail
            FROM outcomes AS o
            JOIN postings AS p
                ON p.user_id = o.user_id AND p.entry = o.entry AND p.account = 'main'
            -- Coins that are held or given back may have come from a debt, or go to one.
            WHERE {o.users} AND o.outcome ? 'balance_coins' AND (
                abs(p.amount) IS DISTINCT FROM abs((o.outcome->>'coins')::bigint)
                AND o.reference !~ '^(freeze|refund|release):'
                OR p.balance_after IS DISTINCT FROM (o.outcome->>'balance_coins')::bigint
            )
        """,
    ),
    invariant(
        "outcomes-name-their-slices",
        """
            SELECT user_id, format('%s says it was paid by %s, slices say %s', reference,
                                   recorded, slices) AS detail
            FROM (
                SELECT o.user_id, o.reference, o.entry, (
                    SELECT string_agg(piece->>'lot' || ' ' || (piece->>'coins'), ', '
                                      ORDER BY piece->>'lot')
                    FROM jsonb_array_elements(o.outcome->'slices') AS piece
                ) AS recorded
                FROM outcomes AS o
                WHERE {o.users} AND o.outcome ? 'slices' AND o.reference LIKE 'gift:%'
            ) AS o
            LEFT JOIN LATERAL (
                SELECT string_agg(s.lot || ' ' || s.coins, ', ' ORDER BY s.lot::text) AS slices
                FROM slices AS s
                WHERE s.user_id = o.user_id AND s.gift = substr(o.reference, 6)::uuid
                  AND s.entry = o.entry
            ) AS s ON true
            WHERE recorded IS DISTINCT FROM slices
        """,
    ),
    invariant(
        "refusals-moved-nothing",
        """
            SELECT user_id, format('%s moved nothing, and says so without a reason', reference)
                AS detail
            FROM outcomes
            WHERE {users} AND reference LIKE 'gift:%' AND (entry IS NULL) <> (outcome ? 'reason')
        """,
    ),
)
