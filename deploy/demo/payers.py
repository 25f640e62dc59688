"""What a payer does on the pages of a provider, as a browser would send it."""

from collections.abc import Mapping
from enum import Enum

import httpx

from deploy.demo.person import StoryFailed

GOOD_CARD, DECLINED_CARD = "4242 4242 4242 4242", "4000 0000 0000 0002"
DISPUTED_CARD = "4000 0000 0000 0259"


class Choice(Enum):
    """What the payer, or the payer's bank, does."""

    PAY = "pays"
    DECLINE = "has a card that is declined"
    DISPUTE = "pays, and the bank takes the money back a moment later"


_CARDS = {
    Choice.PAY: GOOD_CARD,
    Choice.DECLINE: DECLINED_CARD,
    Choice.DISPUTE: DISPUTED_CARD,
}
# The form of each page, by the name of its provider.
PAGES: Mapping[str, Mapping[Choice, Mapping[str, str]]] = {
    "sandbox": {choice: {"card": card} for choice, card in _CARDS.items()},
    "stripe": {
        choice: {"choice": "pay", "method": "card", "card": card} for choice, card in _CARDS.items()
    },
    "paypal": {
        Choice.PAY: {"choice": "approve"},
        Choice.DECLINE: {"choice": "decline"},
        Choice.DISPUTE: {"choice": "dispute"},
    },
}
# How a purchase ends whose card was declined. Stripe and PayPal let the payer try another card.
STATE_OF_DECLINED = {"sandbox": "failed", "stripe": "pending", "paypal": "pending"}


def pay(provider: str, url: str, choice: Choice) -> None:
    """Send the page's form; we never see the card."""
    answer = httpx.post(url, data=dict(PAGES[provider][choice]), timeout=15)
    if answer.status_code >= 500:
        raise StoryFailed(f"the pay page answered {answer.status_code}")


def books_of(vendor_url: str) -> dict[str, int]:
    """Return what a fake vendor holds for us, by currency; fail if its contract was broken."""
    asked = httpx.post(f"{vendor_url}/_fake/contradictions", timeout=15)
    if broken := asked.raise_for_status().json():
        raise StoryFailed("the vendor's contract was contradicted:\n" + "\n".join(broken))
    books = httpx.post(f"{vendor_url}/_fake/books", timeout=15).raise_for_status().json()
    return {currency: sum(kinds.values()) for currency, kinds in books.items()}
