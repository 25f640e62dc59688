"""The page where a payer approves an order: plain HTML without a script, marked as what it is."""

from html import escape

from tests.fakes.paypal.objects import Order

CHOICES = {
    "approve": "Approve",
    "decline": "Approve, and have the card declined",
    "dispute": "Approve, and take the money back three seconds later",
    "cancel": "Cancel and go back",
}
STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 0 auto 3rem }
main { padding: 0 1rem }
h1 { font-size: 1.2rem } .amount { font-size: 2rem; margin: 0 }
.practice { background: #ffe9a8; color: #3d2c00; padding: .6rem; font-weight: 600 }
button { display: block; width: 100%; font: inherit; padding: .6rem; margin: .6rem 0 }
"""


def approval_page(order: Order) -> str:
    """Return the form with which a browser approves, cancels, or has its card declined."""
    amount = order.unit["amount"]
    buttons = "".join(
        f"<button name='choice' value='{value}'>{label}</button>"
        for value, label in CHOICES.items()
    )
    is_over = order.status not in ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED")
    ended = f"<p role='status'>This order is <b>{escape(order.status)}</b>.</p>"
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        "<title>Practice payment, not PayPal</title>"
        f"<style>{STYLE}</style></head><body><main>"
        "<p class='practice'>Practice: this page stands for PayPal. No money moves here.</p>"
        "<h1>Practice payment</h1>"
        f"<p class='amount'>{amount['value']} {amount['currency_code']}</p>"
        f"<p>{escape(order.unit.get('description', order.id))}</p>"
        f"{ended if is_over else f'<form method=post>{buttons}</form>'}"
        "</main></body></html>"
    )
