"""
The acknowledgement that a withdrawal was received: a page to keep.

It says what was stated, the date and the time (Article 11a(4) of Directive 2011/83/EU). It follows
from what was recorded then alone, so it is the same whenever it is read.
"""

import html
from collections.abc import Iterable
from datetime import UTC, datetime

from services.purchase.domain.purchases import Purchase
from services.purchase.domain.withdrawals import Withdrawal
from shared.money import amount_text

# A file to keep. A browser that shows it all the same runs and loads nothing.
HEADERS = {
    "Content-Disposition": 'attachment; filename="withdrawal.html"',
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cache-Control": "private, no-store",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Acknowledgement of a withdrawal</title>
<style>
body {{ max-width: 42rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 sans-serif }}
dt {{ font-weight: bold }} dd {{ margin: 0 0 .5rem; overflow-wrap: anywhere }}
</style>
</head>
<body>
<h1>We have received your withdrawal</h1>
<p>We received this statement on {received}:</p>
<blockquote><p>I withdraw from the contract for the purchase below.</p></blockquote>
<dl>
{lines}
</dl>
<p>{refund}</p>
<p>Gifts that you sent with these coins are not affected.</p>
</body>
</html>
"""
_REFUNDED = (
    "We take back the coins of this purchase that you had not used by then. We refund their share "
    "of the price by the means of payment that you used. The number of the refund is {refund}."
)
_NOT_REFUNDED = {
    "disputed": "Your bank has opened a dispute about this purchase, or has already returned its "
    "money. For this reason we make no refund.",
}


def render_acknowledgement(purchase: Purchase, withdrawal: Withdrawal) -> str:
    """Return the page, in which everything that a person chose is text."""
    assert purchase.paid_at is not None
    refund = (
        _REFUNDED.format(refund=withdrawal.refund)
        if withdrawal.reason is None
        else _NOT_REFUNDED[withdrawal.reason]
    )
    coins = purchase.all_coins
    lines = [
        ("Your name", withdrawal.consumer_name),
        ("Purchase", str(purchase.id)),
        ("What you bought", f"{coins:,} coins"),
        ("Price", amount_text(purchase.amount_minor, purchase.currency)),
        ("Paid on", _moment(purchase.paid_at)),
        ("Withdrawal", str(withdrawal.id)),
        ("Received on", _moment(withdrawal.received_at)),
        ("You could withdraw until", _moment(withdrawal.period_ends_at)),
        (
            "Acknowledgement sent to",
            withdrawal.reply_to or "no e-mail address was given; you can download it",
        ),
    ]
    return _PAGE.format(
        received=_moment(withdrawal.received_at), lines=_list(lines), refund=html.escape(refund)
    )


def _list(lines: Iterable[tuple[str, str]]) -> str:
    """Return the lines of a list; no name changes the direction of what is around it."""
    return "\n".join(
        f"<dt>{html.escape(term)}</dt><dd><bdi>{html.escape(value)}</bdi></dd>"
        for term, value in lines
    )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d %B %Y, %H:%M:%S} UTC"
