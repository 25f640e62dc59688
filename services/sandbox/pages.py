"""The hosted pages: where a browser is sent, so that the shop sees no card and no passport."""

import re
from html import escape
from typing import Annotated

from fastapi import APIRouter, Form, Header
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from services.sandbox.provider import (
    DECLINED_CARD,
    DISPUTED_CARD,
    FAILING_REFUND_CARD,
    GERMAN_CARD,
    PENDING_REFUND_CARD,
    SLOW_CARD,
    SUCCESS_CARD,
    NotPayable,
    Payment,
    Provider,
    Status,
    UnknownCard,
)
from services.sandbox.provider.accounts import Outcome
from shared.http import from_state
from shared.money import amount_text

CARDS = (
    (SUCCESS_CARD, "succeeds"),
    (GERMAN_CARD, "succeeds, and is of Germany; all others are of the United States"),
    (DECLINED_CARD, "is declined"),
    (SLOW_CARD, "succeeds after three seconds"),
    (DISPUTED_CARD, "succeeds, and is disputed three seconds later"),
    (PENDING_REFUND_CARD, "succeeds; a refund takes three seconds"),
    (FAILING_REFUND_CARD, "succeeds; a refund fails three seconds after it was made"),
)
OUTCOMES = (
    (Outcome.VERIFIED, "it is verified"),
    (Outcome.PENDING, "it is looked at for a while"),
    (Outcome.RESTRICTED, "it is restricted until a document is sent"),
)
# Firefox asks for an icon where a page names none, and complains of its own refusal.
NO_ICON = "<link rel='icon' href='data:,'>"
# The pages need no script, and nobody may frame them.
SECURITY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
# What can stand in a policy; a name that is more than this is left out, not quoted.
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(?=[/?#]|$)")
STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 3rem auto; padding: 0 1rem }
h1 { font-size: 1.2rem } .amount { font-size: 2rem; margin: 0 } .error { color: #a40000 }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit }
input, button { padding: .6rem; margin: .4rem 0 1rem; border-radius: .4rem; border: 1px solid #888 }
input[type=radio] { display: inline; width: auto; margin: .3rem .5rem .3rem 0 }
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
    card: Annotated[str, Form(max_length=80)] = "",
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


@router.get("/onboarding/{link}")
async def show_onboarding(link: str, provider: SandboxProvider) -> Response:
    found = provider.accounts.link(link)
    choices = "".join(
        f"<label><input type='radio' name='outcome' value='{outcome.value}'"
        f"{' checked' if outcome is Outcome.VERIFIED else ''}> {does}</label>"
        for outcome, does in OUTCOMES
    )
    content = (
        f"<form method='post' action='{escape(link)}'><fieldset>"
        f"<legend>What becomes of your account</legend>{choices}</fieldset>"
        "<button>Send</button></form>"
        "<p>No real account is made here. A real provider asks for your name, a document and a "
        "tax form on this page, and no other service sees them.</p>"
    )
    about = f"<p>{escape(found.account.currency)}, {escape(found.account.country)}</p>"
    return _html("Sandbox account", about + content, return_url=found.return_url)


@router.post("/onboarding/{link}")
async def complete_onboarding(
    link: str, provider: SandboxProvider, outcome: Annotated[Outcome, Form()]
) -> Response:
    completed = provider.accounts.complete(link, outcome)
    return RedirectResponse(completed.return_url, status_code=303)


def _page(payment: Payment, *, error: str | None = None, status: int = 200) -> Response:
    if payment.status in (Status.OPEN, Status.FAILED):
        content = _form(payment)
    else:
        content = f"<p role='status'>This payment is <b>{payment.status.value}</b>.</p>"
    reason = error or payment.failure_reason
    alert = f"<p class='error' role='alert'>{escape(reason)}</p>" if reason else ""
    amount = amount_text(payment.amount_minor, payment.currency)
    about = f"<p class='amount'>{escape(amount)}</p><p>{escape(payment.description)}</p>"
    return _html(
        "Sandbox payment", f"{about}{alert}{content}", return_url=payment.return_url, status=status
    )


def _html(title: str, content: str, *, return_url: str | None, status: int = 200) -> Response:
    html = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        f"<meta name='viewport' content='width=device-width'><title>{title}</title>{NO_ICON}"
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1>{content}</main></body></html>"
    )
    return HTMLResponse(html, status, headers={"Content-Security-Policy": _policy(return_url)})


def _policy(return_url: str | None) -> str:
    """
    Say what the page may do: send its form here, and be sent back to the shop.

    Chromium and Safari hold the redirect after a form to `form-action` as well: with 'self' alone
    a shop at another origin would never see its viewer again.
    """
    origin = ORIGIN.match(return_url or "")
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
