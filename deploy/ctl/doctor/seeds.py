"""Files of prices, rates and rules: whether each service would start with them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from pathlib import Path

from deploy.ctl.doctor.findings import Examined, Problem

ERROR_CHARACTERS_MAX = 300
# All errors that a mistake in a file may raise.
_BAD = (AssertionError, ArithmeticError, LookupError, TypeError, ValueError)


async def look(examined: Examined) -> AsyncIterator[Problem]:
    """Read each file as its service does when it starts."""
    # To import services takes seconds of the processor.
    for problem in await asyncio.to_thread(_problems, examined):
        yield problem


def _problems(examined: Examined) -> list[Problem]:
    problems = []
    for variable, read in _readings(examined):
        try:
            read()
        except (*_BAD, OSError) as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            problem = f"{variable} cannot be used: {said[:ERROR_CHARACTERS_MAX]}"
            problems.append(Problem(str(examined.seeds[variable]), problem))
    return problems


def _readings(examined: Examined) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield how each file is read, beside the variable that names it."""
    # A service is loaded when its files are looked at, and by no other command.
    purchase, wallet, gift, payout = (
        import_module(f"services.{name}.main") for name in ("purchase", "wallet", "gift", "payout")
    )
    price_book = import_module("shared.prices.files").read_price_book
    seller = import_module("shared.documents.seeds").read_seller

    def file(variable: str) -> Path:
        return examined.seeds[variable]

    yield "PURCHASE_PACKAGES_FILE", lambda: price_book(file("PURCHASE_PACKAGES_FILE"))
    yield (
        "PURCHASE_RULES_FILE",
        lambda: purchase.read_rules(file("PURCHASE_PACKAGES_FILE"), file("PURCHASE_RULES_FILE")),
    )
    yield "PURCHASE_TAXES_FILE", lambda: purchase.read_taxes(file("PURCHASE_TAXES_FILE"))
    yield "PURCHASE_SELLER_FILE", lambda: seller(file("PURCHASE_SELLER_FILE"))
    yield "WALLET_RULES_FILE", lambda: wallet.read_rules(file("WALLET_RULES_FILE"))
    yield "GIFT_CATALOGUE_FILE", lambda: gift.read_catalogue(file("GIFT_CATALOGUE_FILE"))
    yield "GIFT_RULES_FILE", lambda: gift.read_ages(file("GIFT_RULES_FILE"))
    yield (
        "PAYOUT_RULES_FILE",
        lambda: payout.read_rules(file("PAYOUT_RULES_FILE"), file("PAYOUT_RATES_FILE")),
    )
    yield "PAYOUT_FRAUD_FILE", lambda: payout.read_fraud_rules(file("PAYOUT_FRAUD_FILE"))
