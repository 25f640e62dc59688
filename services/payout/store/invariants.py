"""The payout service's own invariants: earnings are postings, payouts are reserved or paid."""

from shared.ledger.archive_verification import ARCHIVED_LEDGER_INVARIANTS
from shared.ledger.verification import invariant

INVARIANTS = (
    *ARCHIVED_LEDGER_INVARIANTS,
    invariant(
        "earnings-are-posted",
        """
            SELECT user_id, format('earnings come to %s, posted were %s', worth, posted) AS detail
            FROM (
                SELECT creator AS user_id, sum(diamonds - reversed_diamonds) AS worth
                FROM earnings WHERE {creators} GROUP BY creator
            ) AS e
            FULL JOIN (
                SELECT user_id, -sum(amount) AS posted FROM postings
                WHERE {users} AND account = '@earned' GROUP BY user_id
            ) AS p USING (user_id)
            WHERE coalesce(worth, 0) <> coalesce(posted, 0)
        """,
    ),
    invariant(
        "pending-is-what-has-not-matured",
        """
            SELECT user_id, format('%s diamonds wait, the account says %s', waiting, balance)
                AS detail
            FROM (
                SELECT user_id, sum(diamonds) AS waiting FROM (
                    SELECT creator AS user_id,
                           diamonds - reversed_diamonds - coalesce((
                               SELECT r.diamonds FROM restorations AS r
                               WHERE r.creator = e.creator AND r.gift = e.gift
                                 AND r.slice = e.slice
                           ), 0) AS diamonds
                    FROM earnings AS e WHERE {e.creators} AND NOT matured
                    UNION ALL
                    SELECT creator, pending FROM restorations WHERE {creators}
                    UNION ALL
                    SELECT creator, diamonds FROM bonuses
                    WHERE {creators} AND state = 'granted' AND NOT matured
                ) AS parts GROUP BY user_id
            ) AS e
            FULL JOIN (
                SELECT user_id, balance FROM accounts WHERE {users} AND kind = 'pending'
            ) AS a USING (user_id)
            WHERE coalesce(waiting, 0) <> coalesce(balance, 0)
        """,
    ),
    invariant(
        "losses-are-remembered",
        """
            SELECT user_id, format('earnings and payouts lost %s, posted were %s', lost, posted)
                AS detail
            FROM (
                SELECT user_id, sum(lost) AS lost FROM (
                    SELECT creator AS user_id, lost_diamonds AS lost
                    FROM earnings WHERE {creators}
                    UNION ALL
                    SELECT creator, lost_diamonds FROM payout_losses WHERE {creators}
                ) AS each GROUP BY user_id
            ) AS e
            FULL JOIN (
                SELECT user_id, -sum(amount) AS posted FROM postings
                WHERE {users} AND account = '@dispute_loss' GROUP BY user_id
            ) AS p USING (user_id)
            WHERE coalesce(lost, 0) <> coalesce(posted, 0)
        """,
    ),
    invariant(
        "reserved-is-for-payouts",
        """
            SELECT user_id, format('open payouts take %s, the account says %s', wanted, balance)
                AS detail
            FROM (
                SELECT creator AS user_id, sum(diamonds) AS wanted FROM payouts
                WHERE {creators} AND state IN ('requested', 'held', 'approved', 'sent')
                GROUP BY creator
            ) AS p
            FULL JOIN (
                SELECT user_id, balance FROM accounts WHERE {users} AND kind = 'held'
            ) AS a USING (user_id)
            WHERE coalesce(wanted, 0) <> coalesce(balance, 0)
        """,
    ),
    invariant(
        "paid-out-is-paid",
        """
            SELECT user_id, format('payouts paid %s, posted were %s', paid, posted) AS detail
            FROM (
                SELECT creator AS user_id,
                       sum(diamonds - div(diamonds::numeric * returned_minor, amount_minor))
                           AS paid
                FROM payouts WHERE {creators} AND state = 'paid' GROUP BY creator
            ) AS p
            FULL JOIN (
                SELECT user_id, sum(amount) AS posted FROM postings
                WHERE {users} AND account = '@paid_out' GROUP BY user_id
            ) AS o USING (user_id)
            WHERE coalesce(paid, 0) <> coalesce(posted, 0)
        """,
    ),
    invariant(
        "gifts-are-posted-as-earned",
        """
            SELECT user_id, format('gift %s says %s diamonds and posted %s, its earnings are %s',
                                   coalesce(reference, gift::text), result->>'diamonds', posted,
                                   earned) AS detail
            FROM (
                SELECT *, coalesce(-amounts[place], 0) AS posted, (
                    SELECT sum(diamonds) FROM earnings
                    WHERE creator = user_id AND decision = number
                ) AS earned
                FROM entries, array_position(string_to_array(accounts, ','), '@earned') AS place
                WHERE {users} AND (gift IS NOT NULL OR reference LIKE 'share:%')
            ) AS gifts
            WHERE posted IS DISTINCT FROM earned
               OR (result->>'diamonds')::bigint IS DISTINCT FROM earned
        """,
    ),
    invariant(
        "diamonds-follow-their-coins",
        """
            SELECT e.creator AS user_id,
                   format('gift %s: %s diamonds stand, %s of %s coins are reversed', e.gift,
                          e.diamonds - e.reversed_diamonds, r.reversed_coins, e.coins) AS detail
            FROM earnings AS e
            JOIN reversals AS r
                ON r.creator = coalesce(e.shared_by, e.creator)
                AND r.gift = e.gift AND r.lot = e.lot
            WHERE {e.creators} AND e.diamonds - e.reversed_diamonds <> share_of(
                greatest(e.coins - r.reversed_coins, 0) * e.rate_bp / 10000,
                coalesce(e.shares_bp, '{10000}')
            )
        """,
    ),
    invariant(
        "shares-come-to-the-whole",
        """
            SELECT user_id,
                   format('gift %s slice %s: %s of %s diamonds are shared out, and %s of %s stand',
                          gift, slice, shared, whole, kept, worth) AS detail
            FROM (
                SELECT e.creator AS user_id, e.gift, e.slice, e.coins * e.rate_bp / 10000 AS whole,
                       greatest(e.coins - coalesce(r.reversed_coins, 0), 0) * e.rate_bp / 10000
                           AS worth,
                       e.diamonds + others.diamonds AS shared,
                       e.diamonds - e.reversed_diamonds + others.kept AS kept
                FROM earnings AS e
                LEFT JOIN reversals AS r
                    ON r.creator = e.creator AND r.gift = e.gift AND r.lot = e.lot
                CROSS JOIN LATERAL (
                    SELECT coalesce(sum(diamonds), 0) AS diamonds,
                           coalesce(sum(diamonds - reversed_diamonds), 0) AS kept
                    FROM earnings
                    WHERE shared_by = e.creator AND gift = e.gift AND slice = e.slice
                ) AS others
                WHERE {e.creators} AND e.shares_bp IS NOT NULL AND e.shared_by IS NULL
            ) AS gifts
            WHERE shared <> whole OR kept <> worth
        """,
    ),
    invariant(
        "bonuses-are-posted",
        """
            SELECT user_id, format('%s gave %s diamonds, posted were %s', funder, given, posted)
                AS detail
            FROM (
                SELECT creator AS user_id, funder, sum(diamonds) AS given FROM bonuses
                WHERE {creators} AND state = 'granted' GROUP BY creator, funder
            ) AS b
            FULL JOIN (
                SELECT user_id, substr(account, 8) AS funder, -sum(amount) AS posted FROM postings
                WHERE {users} AND account LIKE '@bonus:%' GROUP BY user_id, account
            ) AS p USING (user_id, funder)
            WHERE coalesce(given, 0) <> coalesce(posted, 0)
        """,
    ),
    invariant(
        "restored-diamonds-stand",
        """
            SELECT e.creator AS user_id,
                   format('gift %s: %s diamonds came back, %s stand', e.gift, r.diamonds,
                          e.diamonds - e.reversed_diamonds) AS detail
            FROM earnings AS e
            JOIN restorations AS r
                ON r.creator = e.creator AND r.gift = e.gift AND r.slice = e.slice
            WHERE {e.creators} AND r.diamonds > e.diamonds - e.reversed_diamonds
        """,
    ),
    invariant(
        "owed-is-worth",
        """
            SELECT user_id, format('diamonds and payouts are worth %s %s, owed is %s',
                                   coalesce(worth, 0), currency, coalesce(owed, 0)) AS detail
            FROM (
                SELECT user_id, currency, sum(minor) AS worth FROM (
                    SELECT c.creator AS user_id, c.currency,
                           floor(sum(a.balance) * c.value_minor_per_1000 / 1000) AS minor
                    FROM creators AS c
                    JOIN accounts AS a ON a.user_id = c.creator AND a.asset = 'diamonds'
                        AND a.kind IN ('pending', 'main')
                    WHERE {c.creators} GROUP BY c.creator
                    UNION ALL
                    SELECT p.creator, p.currency, p.amount_minor + p.fee_minor
                    FROM payouts AS p
                    WHERE {p.creators} AND state IN ('requested', 'held', 'approved', 'sent')
                ) AS each GROUP BY user_id, currency
            ) AS w
            FULL JOIN (
                SELECT user_id, asset AS currency, -sum(amount) AS owed FROM postings
                WHERE {users} AND account = '@creator_payable' GROUP BY user_id, asset
            ) AS o USING (user_id, currency)
            WHERE coalesce(worth, 0) <> coalesce(owed, 0)
        """,
    ),
    invariant(
        "clearing-is-what-was-paid",
        """
            SELECT user_id, format('payouts paid %s %s and kept %s as fees, posted were %s and %s',
                                   coalesce(paid, 0), currency, coalesce(fees, 0),
                                   coalesce(cleared, 0), coalesce(kept, 0)) AS detail
            FROM (
                SELECT creator AS user_id, currency, sum(amount_minor - returned_minor) AS paid,
                       sum(fee_minor - div(fee_minor::numeric * returned_minor, amount_minor))
                           AS fees
                FROM payouts WHERE {creators} AND state = 'paid' GROUP BY creator, currency
            ) AS p
            FULL JOIN (
                SELECT user_id, asset AS currency,
                       -coalesce(sum(amount) FILTER (WHERE account = '@provider_clearing'), 0)
                           AS cleared,
                       -coalesce(sum(amount) FILTER (WHERE account = '@payout_fees'), 0) AS kept
                FROM postings
                WHERE {users} AND account IN ('@provider_clearing', '@payout_fees')
                GROUP BY user_id, asset
            ) AS b USING (user_id, currency)
            WHERE coalesce(paid, 0) <> coalesce(cleared, 0)
               OR coalesce(fees, 0) <> coalesce(kept, 0)
        """,
    ),
    invariant(
        "maturings-are-of-earnings",
        """
            SELECT user_id, format('earnings of %s diamonds matured, posted were %s', slices,
                                   posted) AS detail
            FROM (
                SELECT creator AS user_id, sum(diamonds) AS slices
                FROM matured_slices WHERE {creators} GROUP BY creator
            ) AS m
            FULL JOIN (
                SELECT user_id, sum(amount) AS posted FROM (
                    SELECT p.user_id, p.amount
                    FROM postings AS p
                    JOIN entries AS e ON e.user_id = p.user_id AND number = p.entry
                    WHERE {p.users} AND p.account = 'main' AND e.kind = 'mature'
                    UNION ALL
                    SELECT user_id, amount FROM opening_balances
                    WHERE {users} AND account = 'main' AND kind = 'mature'
                ) AS each GROUP BY user_id
            ) AS e USING (user_id)
            WHERE coalesce(slices, 0) <> coalesce(posted, 0)
        """,
    ),
    invariant(
        "statements-are-their-entries",
        """
            SELECT user_id, format('statements come to %s %s, their entries to %s',
                                   coalesce(stated, 0), asset, coalesce(moved, 0)) AS detail
            FROM (
                SELECT creator AS user_id, asset, sum(amount) AS stated
                FROM statement_lines WHERE {creators} GROUP BY creator, asset
            ) AS s
            FULL JOIN (
                SELECT p.user_id, p.asset, sum(
                    CASE WHEN account = '@creator_payable' THEN -amount ELSE amount END
                ) AS moved
                FROM postings AS p JOIN creators AS c ON c.creator = p.user_id
                WHERE {p.users} AND entry <= c.closed_entry
                  AND (account = '@creator_payable' OR account NOT LIKE '@%')
                GROUP BY p.user_id, p.asset
            ) AS l USING (user_id, asset)
            WHERE coalesce(stated, 0) <> coalesce(moved, 0)
        """,
    ),
    invariant(
        "exchanged-is-promised",
        """
            SELECT user_id, format('payouts exchanged %s %s, posted were %s',
                                   coalesce(promised, 0), currency, coalesce(posted, 0)) AS detail
            FROM (
                SELECT user_id, currency, sum(minor) AS promised FROM (
                    SELECT p.creator AS user_id, p.currency,
                           amount_minor - returned_minor + fee_minor
                               - div(fee_minor::numeric * returned_minor, amount_minor) AS minor
                    FROM payouts AS p
                    WHERE {p.creators} AND currency <> value_currency
                      AND state NOT IN ('failed', 'returned', 'rejected')
                    UNION ALL
                    SELECT p.creator, p.value_currency,
                           div(value_minor::numeric * returned_minor, amount_minor) - value_minor
                    FROM payouts AS p
                    WHERE {p.creators} AND currency <> value_currency
                      AND state NOT IN ('failed', 'returned', 'rejected')
                ) AS each GROUP BY user_id, currency
            ) AS e
            FULL JOIN (
                SELECT user_id, asset AS currency, sum(amount) AS posted FROM postings
                WHERE {users} AND account = '@exchange' GROUP BY user_id, asset
            ) AS b USING (user_id, currency)
            WHERE coalesce(promised, 0) <> coalesce(posted, 0)
        """,
    ),
    invariant(
        "held-is-reviewed",
        """
            SELECT p.creator AS user_id, format('payout %s is held without a review', p.id)
                AS detail
            FROM payouts AS p
            WHERE {p.creators} AND state = 'held' AND NOT EXISTS (
                SELECT FROM payout_reviews AS r
                WHERE r.creator = p.creator AND r.payout = p.id AND r.revision = p.version
            )
        """,
    ),
    invariant(
        "rejected-is-decided",
        """
            SELECT p.creator AS user_id, format('nobody rejected payout %s', p.id) AS detail
            FROM payouts AS p
            WHERE {p.creators} AND state = 'rejected' AND NOT EXISTS (
                SELECT FROM payout_decisions AS d
                WHERE d.creator = p.creator AND d.payout = p.id AND d.decision = 'rejected'
            )
        """,
    ),
)
