"""The payout service's own laws: earnings are postings, payouts are what is reserved and paid."""

from shared.ledger.proof import LEDGER_CHECKS, law

CHECKS = (
    *LEDGER_CHECKS,
    law(
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
    law(
        "pending-is-what-has-not-matured",
        """
            SELECT user_id, format('%s diamonds wait, the account says %s', waiting, balance)
                AS detail
            FROM (
                SELECT creator AS user_id, sum(diamonds - reversed_diamonds) AS waiting
                FROM earnings WHERE {creators} AND NOT matured GROUP BY creator
            ) AS e
            FULL JOIN (
                SELECT user_id, balance FROM accounts WHERE {users} AND kind = 'pending'
            ) AS a USING (user_id)
            WHERE coalesce(waiting, 0) <> coalesce(balance, 0)
        """,
    ),
    law(
        "losses-are-remembered",
        """
            SELECT user_id, format('earnings lost %s, posted were %s', lost, posted) AS detail
            FROM (
                SELECT creator AS user_id, sum(lost_diamonds) AS lost
                FROM earnings WHERE {creators} GROUP BY creator
            ) AS e
            FULL JOIN (
                SELECT user_id, -sum(amount) AS posted FROM postings
                WHERE {users} AND account = '@dispute_loss' GROUP BY user_id
            ) AS p USING (user_id)
            WHERE coalesce(lost, 0) <> coalesce(posted, 0)
        """,
    ),
    law(
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
    law(
        "paid-out-is-paid",
        """
            SELECT user_id, format('payouts paid %s, posted were %s', paid, posted) AS detail
            FROM (
                SELECT creator AS user_id, sum(diamonds) AS paid FROM payouts
                WHERE {creators} AND state = 'paid' GROUP BY creator
            ) AS p
            FULL JOIN (
                SELECT user_id, sum(amount) AS posted FROM postings
                WHERE {users} AND account = '@paid_out' GROUP BY user_id
            ) AS o USING (user_id)
            WHERE coalesce(paid, 0) <> coalesce(posted, 0)
        """,
    ),
    law(
        "outcomes-say-what-was-earned",
        """
            SELECT o.user_id, format('%s says %s diamonds, its earnings %s', o.cause,
                                     o.outcome->>'diamonds', e.diamonds) AS detail
            FROM outcomes AS o
            LEFT JOIN LATERAL (
                SELECT sum(diamonds) AS diamonds FROM earnings
                WHERE creator = o.user_id AND decision = o.version
            ) AS e ON true
            WHERE {o.users} AND o.cause LIKE 'gift:%'
              AND (o.outcome->>'diamonds')::bigint IS DISTINCT FROM e.diamonds
        """,
    ),
)
