"""The hosted pay page: where a browser is sent, so that the shop never sees a card."""

import re
from html import escape
from typing import Annotated

from fastapi import APIRouter, Form, Header
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from services.sandbox.provider import (
    DECLINED_CARD,
    DISPUTED_CARD,
    FAILING_REFUND_CARD,
    PENDING_REFUND_CARD,
    SLOW_CARD,
    SUCCESS_CARD,
    NotPayable,
    Payment,
    Provider,
    Status,
    UnknownCard,
)
from shared.http import from_state
from shared.money import amount_text

CARDS = (
    (SUCCESS_CARD, "succeeds"),
    (DECLINED_CARD, "is declined"),
    (SLOW_CARD, "succeeds after three seconds"),
    (DISPUTED_CARD, "succeeds, and is disputed three seconds later"),
    (PENDING_REFUND_CARD, "succeeds; a refund takes three seconds"),
    (FAILING_REFUND_CARD, "succeeds; a refund fails three seconds after it was made"),
)
# The pay page needs no script, and nobody may frame it.
SECURITY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
# What can stand in a policy; a name that is more than this is left out, not quoted.
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(?=[/?#]|$)")
STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 3rem auto; padding: 0 1rem }
h1 { font-size: 1.2rem } .amount { font-size: 2rem; margin: 0 } .error { color: #a40000 }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit }
input, button { padding: .6rem; margin: .4rem 0 1rem; border-radius: .4rem; border: 1px solid #888 }
button { background: #1a4d8f; color: #fff; border: 0 } li { margin: .2rem 0 }
"""

SandboxProvider = Annotated[Provider, from_state("provider")]

router = APIRouter(include_in_schema=False)


@router.get("/pay/{payment}")
async def show_payment(payment: str, provider: SandboxProvider) -> Response:
    return _page(provider.payment(payment))


@router.post("/pay/{payment}")
async def pay(
    payment: str,
    provider: SandboxProvider,
    card: Annotated[str, Form(max_length=40)] = "",
    accept: Annotated[str, Header()] = "",
) -> Response:
    found = provider.payment(payment)
    wants_json = "application/json" in accept
    try:
        provider.pay(found, "".join(card.split()))
    except (NotPayable, UnknownCard) as no:
        if wants_json:
            raise
        return _page(found, error=no.title(), status=409 if isinstance(no, NotPayable) else 422)
    if wants_json:
        return JSONResponse(found.shown())
    if found.return_url:
        return RedirectResponse(found.return_url, status_code=303)
    return _page(found)


def _page(payment: Payment, *, error: str | None = None, status: int = 200) -> Response:
    if payment.status in (Status.OPEN, Status.FAILED):
        content = _form(payment)
    else:
        content = f"<p role='status'>This payment is <b>{payment.status.value}</b>.</p>"
    reason = error or payment.failure_reason
    alert = f"<p class='error' role='alert'>{escape(reason)}</p>" if reason else ""
    amount = amount_text(payment.amount_minor, payment.currency)
    html = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Sandbox payment</title>"
        f"<style>{STYLE}</style></head><body><main><h1>Sandbox payment</h1>"
        f"<p class='amount'>{escape(amount)}</p><p>{escape(payment.description)}</p>"
        f"{alert}{content}</main></body></html>"
    )
    return HTMLResponse(html, status, headers={"Content-Security-Policy": _policy(payment)})


def _policy(payment: Payment) -> str:
    """
    Say what the page may do: send its form here, and be sent back to the shop.

    Chromium and Safari hold the redirect after a form to `form-action` as well: with 'self' alone
    a shop at another origin would never see its viewer again.
    """
    origin = ORIGIN.match(payment.return_url or "")
    return f"{SECURITY}; form-action 'self'{f' {origin[0]}' if origin else ''}"


def _form(payment: Payment) -> str:
    cards = "".join(f"<li><code>{_spaced(card)}</code> {does}</li>" for card, does in CARDS)
    return (
        f"<form method='post' action='{escape(payment.id)}'>"
        "<label for='card'>Card number</label>"
        "<input id='card' name='card' inputmode='numeric' autocomplete='off' required "
        f"value='{_spaced(SUCCESS_CARD)}'><button>Pay</button></form>"
        f"<p>No real money moves here. Test cards:</p><ul>{cards}</ul>"
    )


def _spaced(card: str) -> str:
    return " ".join(card[start : start + 4] for start in range(0, len(card), 4))
