"""The wallet's own invariants: lots are balances, slices are gifts, results are postings."""

from shared.ledger.archive_verification import ARCHIVED_LEDGER_INVARIANTS
from shared.ledger.verification import invariant

INVARIANTS = (
    *ARCHIVED_LEDGER_INVARIANTS,
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
            SELECT user_id, format('entry %s is a %s of %s coins, its slices are %s', number, kind,
                                   amounts, slices) AS detail
            FROM entries
            WHERE {users} AND CASE WHEN kind = 'gift'
                THEN accounts IS DISTINCT FROM 'main,@spent' OR gift IS NULL
                    OR cardinality(lots) IS DISTINCT FROM coalesce(cardinality(slices), 1)
                    OR amounts[2] <> (SELECT sum(each) FROM unnest(slices) AS each)
                ELSE lots IS NOT NULL END
        """,
    ),
    invariant(
        "lots-spent-their-slices",
        """
            SELECT user_id, format('lot %s spent %s, its slices are %s', lot, spent, coins)
            AS detail
            FROM (SELECT user_id, id AS lot, spent FROM lots WHERE {users}) AS l
            FULL JOIN (
                SELECT user_id, lot, sum(coins) AS coins FROM (
                    SELECT user_id, lot, coins FROM slices WHERE {users}
                    UNION ALL
                    SELECT user_id, lot, coins FROM opening_slices WHERE {users}
                ) AS each GROUP BY user_id, lot
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
                SELECT user_id, reference,
                       amounts[array_position(string_to_array(accounts, ','), 'main')] AS amount
                FROM entries WHERE {users} AND kind = 'credit'
                UNION ALL
                -- Credits that are in archives, together.
                SELECT user_id, '', amount FROM opening_balances
                WHERE {users} AND kind = 'credit' AND account = 'main'
            ) AS c
            FULL JOIN (
                SELECT user_id, CASE WHEN EXISTS (
                           SELECT FROM archived_keys WHERE archived_keys.user_id = lots.user_id
                             AND key = reference_key(NULL, 'purchase:' || purchase)
                       ) THEN '' ELSE 'purchase:' || purchase END AS reference, sum(coins) AS coins
                FROM lots
                WHERE {users} AND channel <> 'adjustment' GROUP BY 1, 2
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
        "results-say-what-was-posted",
        """
            SELECT user_id, format('%s says %s coins and a balance of %s; posted were %s, %s',
                                   coalesce(reference, 'gift:' || gift), result->>'coins',
                                   result->>'balance_coins',
                                   amounts[place], balances_after[place]) AS detail
            FROM entries, array_position(string_to_array(accounts, ','), 'main') AS place
            -- Coins that are held or given back may have come from a debt, or go to one.
            WHERE {users} AND place > 0 AND result ? 'balance_coins' AND (
                abs(amounts[place]) IS DISTINCT FROM abs((result->>'coins')::bigint)
                AND coalesce(reference, '') !~ '^(freeze|refund|release|forfeit):'
                OR balances_after[place] IS DISTINCT FROM (result->>'balance_coins')::bigint
            )
        """,
    ),
    invariant(
        "gifts-have-lots-or-a-reason",
        """
            SELECT user_id, format('gift %s was paid by %s and refused for %s', gift, lots,
                                   result->>'reason') AS detail
            FROM entries
            WHERE {users} AND gift IS NOT NULL AND CASE WHEN kind IS NULL
                THEN result->>'reason' IS NULL
                ELSE lots IS NULL OR result IS NOT NULL END
        """,
    ),
)
