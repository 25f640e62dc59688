"""The purchase service's own invariants: the books hold what its records say of the provider."""

from shared.ledger.verification import LEDGER_INVARIANTS, invariant

# What each payment is, and what of it went back without our refunds.
_PAYMENTS = """
    SELECT p.viewer AS user_id, p.currency, p.allocation, p.amount_minor, a.fee_minor,
           coalesce(a.given_back_minor, 0) AS given_back_minor
    FROM payments AS p
    LEFT JOIN provider_answers AS a USING (viewer, purchase, payment)
    WHERE {p.viewers}
"""
_REFUNDED = """
    SELECT viewer AS user_id, currency, sum(amount_minor) AS minor FROM refunds
    WHERE {viewers} AND state = 'refunded' GROUP BY viewer, currency
"""


def _posted(*accounts: str) -> str:
    names = ", ".join(f"'{account}'" for account in accounts)
    return f"""
        SELECT user_id, asset AS currency, sum(amount) AS minor FROM postings
        WHERE {{users}} AND account IN ({names}) GROUP BY user_id, asset
    """  # noqa: S608 - our own text only


def _differs(what: str, recorded: str, posted: str) -> str:
    return f"""
        SELECT user_id, format('{what} of %s: records say %s, the books %s', currency,
                               coalesce(r.minor, 0), coalesce(b.minor, 0)) AS detail
        FROM ({recorded}) AS r FULL JOIN ({posted}) AS b USING (user_id, currency)
        WHERE coalesce(r.minor, 0) <> coalesce(b.minor, 0)
    """  # noqa: S608 - our own text only


def _sum(expression: str, condition: str = "true") -> str:
    return f"""
        SELECT user_id, currency, sum({expression}) AS minor FROM ({_PAYMENTS}) AS p
        WHERE {condition} GROUP BY user_id, currency
    """  # noqa: S608 - our own text only


INVARIANTS = (
    *LEDGER_INVARIANTS,
    invariant(
        "clearing-is-what-the-provider-holds",
        _differs(
            "clearing and fees",
            f"""
                SELECT user_id, currency, sum(minor) AS minor FROM (
                    {_sum("amount_minor - given_back_minor")}
                    UNION ALL SELECT user_id, currency, -minor FROM ({_REFUNDED}) AS refunded
                ) AS held GROUP BY user_id, currency
            """,  # noqa: S608 - our own text only
            _posted("@provider_clearing", "@provider_fees"),
        ),
    ),
    invariant(
        "fees-are-what-the-provider-kept",
        _differs("fees", _sum("fee_minor"), _posted("@provider_fees")),
    ),
    invariant(
        "unapplied-is-what-was-not-given-back",
        _differs(
            "unapplied payments",
            _sum("-greatest(amount_minor - given_back_minor, 0)", "allocation <> 'applied'"),
            _posted("@unapplied_payments"),
        ),
    ),
    invariant(
        "sales-are-what-bought-coins",
        _differs("sales", _sum("-amount_minor", "allocation = 'applied'"), _posted("@coin_sales")),
    ),
    invariant("refunds-are-what-we-gave-back", _differs("refunds", _REFUNDED, _posted("@refunds"))),
    invariant(
        "losses-are-what-went-without-us",
        _differs(
            "losses",
            _sum(
                "CASE allocation WHEN 'applied' THEN given_back_minor"
                " ELSE greatest(given_back_minor - amount_minor, 0) END"
            ),
            _posted("@dispute_loss"),
        ),
    ),
    invariant(
        "given-back-is-disputed",
        """
            SELECT a.viewer AS user_id, format('payment %s gave back %s, its disputes say %s',
                a.payment, a.given_back_minor, coalesce(d.minor, 0)) AS detail
            FROM provider_answers AS a
            JOIN payments AS p USING (viewer, purchase, payment)
            LEFT JOIN LATERAL (
                SELECT sum(amount_minor) AS minor FROM disputes
                WHERE viewer = a.viewer AND purchase = a.purchase AND payment = a.payment
                  AND state <> 'won' AND currency = p.currency
                  AND (revision > 0 OR p.allocation <> 'applied')
            ) AS d ON true
            WHERE {a.viewers} AND a.given_back_minor <> coalesce(d.minor, 0)
        """,
    ),
    invariant(
        "what-is-paid-has-its-payment",
        """
            SELECT user_id, format('purchase %s is paid: %s, its payment: %s', purchase, q.payment,
                                   p.payment) AS detail
            FROM (
                SELECT viewer AS user_id, id AS purchase, payment FROM purchases
                WHERE {viewers} AND paid_at IS NOT NULL
            ) AS q
            FULL JOIN (
                SELECT viewer AS user_id, purchase, payment FROM payments
                WHERE {viewers} AND allocation = 'applied'
            ) AS p USING (user_id, purchase)
            WHERE q.payment IS DISTINCT FROM p.payment
        """,
    ),
    invariant(
        "refunds-never-exceed-the-price",
        """
            SELECT p.viewer AS user_id, format('purchase %s cost %s, refunds come to %s', p.id,
                                               p.amount_minor, r.minor) AS detail
            FROM (
                SELECT viewer, purchase, sum(amount_minor) AS minor FROM refunds
                WHERE {viewers} AND state IN ('frozen', 'refunded') GROUP BY viewer, purchase
            ) AS r
            JOIN purchases AS p ON p.viewer = r.viewer AND p.id = r.purchase
            WHERE r.minor > p.amount_minor
        """,
    ),
)
