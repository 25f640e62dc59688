"""The purchase service's own invariants: the books hold what its records say of the provider."""

from shared.ledger.verification import LEDGER_INVARIANTS, Invariant, invariant

# What each payment is, and what of it went back without our refunds.
_PAYMENTS = """
    SELECT p.viewer AS user_id, p.currency, p.allocation, p.amount_minor, a.fee_minor,
           coalesce(a.given_back_minor, 0) AS given_back_minor,
           coalesce(a.exchanged_minor, 0) AS exchanged_minor,
           CASE allocation WHEN 'applied' THEN q.tax_minor ELSE 0 END AS tax_minor,
           coalesce(a.given_back_tax_minor, 0) AS given_back_tax_minor, q.tax_payer
    FROM payments AS p
    JOIN purchases AS q ON q.viewer = p.viewer AND q.id = p.purchase
    LEFT JOIN provider_answers AS a
        ON a.viewer = p.viewer AND a.purchase = p.purchase AND a.payment = p.payment
    WHERE {p.viewers}
"""
_REFUNDED = """
    SELECT viewer AS user_id, currency, sum(amount_minor) AS minor,
           sum(amount_minor - tax_minor) AS net_minor
    FROM refunds WHERE {viewers} AND state = 'refunded' GROUP BY viewer, currency
"""
_REFUNDED_NET = f"SELECT user_id, currency, net_minor AS minor FROM ({_REFUNDED}) AS r"  # noqa: S608


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


def _settlement(expression: str) -> str:
    return f"""
        SELECT a.viewer AS user_id, s.currency, sum({expression}) AS minor
        FROM provider_answers AS a CROSS JOIN jsonb_to_recordset(a.settlements)
            AS s (currency text, balance_minor bigint, fee_minor bigint)
        WHERE {{a.viewers}} GROUP BY a.viewer, s.currency
    """  # noqa: S608 - our own text only


def _together(*parts: str) -> str:
    return f"""
        SELECT user_id, currency, sum(minor) AS minor
        FROM ({" UNION ALL ".join(parts)}) AS together GROUP BY user_id, currency
    """  # noqa: S608 - our own text only


def _taxes(name: str, payer: str, account: str) -> Invariant:
    of_payer = f"tax_payer = '{payer}'"
    refunded = f"""
        SELECT r.viewer AS user_id, r.currency, sum(r.tax_minor) AS minor
        FROM refunds AS r JOIN purchases AS q ON q.viewer = r.viewer AND q.id = r.purchase
        WHERE {{r.viewers}} AND r.state = 'refunded' AND {of_payer} GROUP BY r.viewer, r.currency
    """  # noqa: S608 - our own text only
    owed = _together(_sum("given_back_tax_minor - tax_minor", of_payer), refunded)
    return invariant(name, _differs("taxes", owed, _posted(account)))


INVARIANTS = (
    *LEDGER_INVARIANTS,
    invariant(
        "clearing-is-what-the-provider-holds",
        _differs(
            "clearing and fees",
            _together(
                _sum("amount_minor - given_back_minor - exchanged_minor"),
                f"SELECT user_id, currency, -minor FROM ({_REFUNDED}) AS refunded",  # noqa: S608
                _settlement("s.balance_minor + s.fee_minor"),
            ),
            _posted("@provider_clearing", "@provider_fees"),
        ),
    ),
    invariant(
        "fees-are-what-the-provider-kept",
        _differs(
            "fees",
            _together(_sum("fee_minor"), _settlement("s.fee_minor")),
            _posted("@provider_fees"),
        ),
    ),
    invariant(
        "exchanged-is-what-was-paid-out",
        _differs(
            "exchange",
            _together(
                _sum("exchanged_minor"),
                _settlement("-s.balance_minor - s.fee_minor"),
            ),
            _posted("@exchange"),
        ),
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
        _differs(
            "sales",
            _sum("tax_minor - amount_minor", "allocation = 'applied'"),
            _posted("@coin_sales"),
        ),
    ),
    invariant(
        "refunds-are-what-we-gave-back", _differs("refunds", _REFUNDED_NET, _posted("@refunds"))
    ),
    _taxes("taxes-are-what-was-not-given-back", "operator", "@taxes_payable"),
    _taxes("store-taxes-are-what-was-not-given-back", "store", "@store_taxes"),
    invariant(
        "losses-are-what-went-without-us",
        _differs(
            "losses",
            _sum(
                "CASE allocation WHEN 'applied' THEN given_back_minor - given_back_tax_minor"
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
        "budgets-have-what-they-promised",
        # Campaigns belong to no user: they are looked at once, with the last users of one part.
        """
            SELECT name AS user_id, format('campaign %s has %s coins promised, its promises are %s',
                                           name, promised_coins, coalesce(p.coins, 0)) AS detail
            FROM campaigns LEFT JOIN LATERAL (
                SELECT sum(coins) AS coins FROM campaign_promises WHERE campaign = campaigns.name
            ) AS p ON true
            WHERE CAST(:until AS text) IS NULL AND CAST(:after AS text) IS NOT NULL
              AND current_schema() IN ('public', 'part_00')
              AND promised_coins <> coalesce(p.coins, 0)
        """,
    ),
    invariant(
        "promo-coins-were-promised",
        """
            SELECT viewer AS user_id, format('purchase %s has %s promo coins, promised were %s', id,
                                             promo_coins, coalesce(p.coins, 0)) AS detail
            FROM purchases LEFT JOIN LATERAL (
                SELECT coins FROM campaign_promises
                WHERE id = purchases.promise AND campaign = purchases.campaign
                    AND purchase = purchases.id
            ) AS p ON true
            WHERE {viewers} AND promo_coins > 0 AND promo_coins IS DISTINCT FROM p.coins
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
    invariant(
        "receipts-say-what-is-in-the-books",
        """
            SELECT viewer AS user_id, format('%s %s-%s is of %s with %s of tax, the books have'
                ' %s with %s', kind, year, number, r.amount_minor, r.tax_minor, booked.amount_minor,
                booked.tax_minor) AS detail
            FROM receipts AS r
            CROSS JOIN LATERAL (
                SELECT amount_minor, tax_minor FROM purchases AS p
                WHERE r.kind = 'receipt' AND p.viewer = r.viewer AND p.id = r.purchase
                UNION ALL
                SELECT sign * amount_minor, sign * tax_minor FROM refunds AS p,
                    (SELECT CASE r.kind WHEN 'credit-note' THEN -1 ELSE 1 END) AS s (sign)
                WHERE p.viewer = r.viewer AND p.purchase = r.purchase AND p.id = r.refund
            ) AS booked
            WHERE {r.viewers} AND (r.amount_minor, r.tax_minor)
                IS DISTINCT FROM (booked.amount_minor, booked.tax_minor)
        """,
    ),
    invariant(
        "receipts-have-no-gaps",
        """
            SELECT viewer AS user_id, format('%s of %s follows none', number, year) AS detail
            FROM receipts AS r
            WHERE {r.viewers} AND number > 1 AND NOT EXISTS (
                SELECT FROM receipts AS one
                WHERE one.seller = r.seller AND one.year = r.year AND one.number = r.number - 1
            )
        """,
    ),
    invariant(
        "tax-goes-back-once",
        """
            SELECT p.viewer AS user_id, format('purchase %s holds %s of tax, %s went back by'
                ' refunds and %s without us', p.id, p.tax_minor, coalesce(r.minor, 0),
                a.given_back_tax_minor) AS detail
            FROM purchases AS p
            JOIN provider_answers AS a
                ON a.viewer = p.viewer AND a.purchase = p.id AND a.payment = p.payment
            LEFT JOIN LATERAL (
                SELECT sum(tax_minor) AS minor FROM refunds
                WHERE viewer = p.viewer AND purchase = p.id AND state = 'refunded'
            ) AS r ON true
            WHERE {p.viewers} AND coalesce(r.minor, 0) + a.given_back_tax_minor > p.tax_minor
        """,
    ),
)
