"""The hosted pay page of the fake: plain HTML without a script, marked as what it is."""

from html import escape

from aiohttp import web

from tests.fakes.stripe.amounts import exponent
from tests.fakes.stripe.core import Object

# Numbers that Stripe gives to those who test: https://docs.stripe.com/testing
SUCCESS_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"
AUTHENTICATED_CARD = "4000002500003155"
DISPUTED_CARD = "4000000000000259"
CARDS = {
    SUCCESS_CARD: "succeeds",
    DECLINED_CARD: "is declined",
    AUTHENTICATED_CARD: "asks its owner to authenticate (3-D Secure)",
    DISPUTED_CARD: "succeeds, and is disputed three seconds later",
}
STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 0 auto 3rem }
main { padding: 0 1rem }
h1 { font-size: 1.2rem } .amount { font-size: 2rem; margin: 0 } .error { color: #a40000 }
.practice { background: #ffe9a8; color: #3d2c00; padding: .6rem; font-weight: 600 }
label { display: block; margin: .3rem 0 } fieldset { margin: 0 0 1rem }
input[name=card] { display: block; width: 100%; box-sizing: border-box; font: inherit }
button { display: block; width: 100%; font: inherit; padding: .6rem; margin: .6rem 0 }
"""


def show(
    session: Object, items: list[Object], *, error: str | None = None, status: int = 200
) -> web.Response:
    """Write the page of a session: a form while it is open, else what became of it."""
    is_open = session["status"] == "open"
    ended = f"<p role='status'>This session is <b>{session['status']}</b>.</p>"
    return _page(session, items, _form(session) if is_open else ended, error, status)


def show_authentication(session: Object, items: list[Object]) -> web.Response:
    """Write the page of the payer's bank, which asks if it is them."""
    content = (
        "<form method='post'><input type='hidden' name='choice' value='authenticate'>"
        "<p>Your bank wants to know that it is you.</p>"
        "<button name='authentication' value='complete'>Complete authentication</button>"
        "<button name='authentication' value='fail'>Fail authentication</button></form>"
    )
    return _page(session, items, content, None, 200)


def amount_text(amount: int, currency: str) -> str:
    """Write an amount of Stripe's minor units as people read it."""
    digits = exponent(currency)
    return f"{amount / 10**digits:.{digits}f} {currency.upper()}"


def _page(
    session: Object, items: list[Object], content: str, error: str | None, status: int
) -> web.Response:
    amount = amount_text(session["amount_total"], session["currency"])
    lines = "".join(
        f"<li>{escape(each['description'] or '')} x {each['quantity']}</li>" for each in items
    )
    alert = f"<p class='error' role='alert'>{escape(error)}</p>" if error else ""
    text = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        "<title>Practice payment, not Stripe</title>"
        f"<style>{STYLE}</style></head><body><main>"
        "<p class='practice'>Practice: this page stands for Stripe Checkout. No money moves here; "
        "do not enter a real card.</p><h1>Practice payment</h1>"
        f"<p class='amount'>{escape(amount)}</p><ul>{lines}</ul>{alert}{content}"
        "</main></body></html>"
    )
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


def _form(session: Object) -> str:
    methods = "".join(
        f"<label><input type='radio' name='method' value='{escape(method)}'"
        f"{' checked' if at == 0 else ''}> {escape(method)}</label>"
        for at, method in enumerate(session["payment_method_types"])
    )
    cards = "".join(f"<li><code>{_spaced(card)}</code> {does}</li>" for card, does in CARDS.items())
    return (
        f"<form method='post'><fieldset><legend>Pay with</legend>{methods}</fieldset>"
        "<label for='card'>Card number</label><input id='card' name='card' inputmode='numeric' "
        f"autocomplete='off' value='{_spaced(SUCCESS_CARD)}'>"
        "<button name='choice' value='pay'>Pay</button>"
        "<button name='choice' value='cancel' formnovalidate>Back to the shop</button></form>"
        f"<p>Cards to practise with:</p><ul>{cards}</ul>"
    )


def _spaced(card: str) -> str:
    return " ".join(card[start : start + 4] for start in range(0, len(card), 4))
