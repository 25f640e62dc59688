"""
Amounts as Stripe writes them, what it takes of them, and what a converted one becomes.

The exponents are ISO 4217 but for its "special cases" (docs.stripe.com/currencies): ISK and UGX
have two decimals that must be 00, of three decimals the last must be 0, and MGA has none.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from shared.money import exponent_of

EXPONENTS = {"isk": 2, "ugx": 2, "mga": 0}
# The last digits that must be zero: 10 is one digit.
STEPS = {"isk": 100, "ugx": 100} | dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 10)
AMOUNT_MAX = 99_999_999
# A charge must be worth fifty US cents or so, whatever its currency.
WORTH_MIN = Decimal("0.50")

# US dollars for one whole of a currency, where the account does not settle in it.
RATES = {
    "usd": "1", "eur": "1.085", "gbp": "1.27", "jpy": "0.00665", "krw": "0.00072", "kwd": "3.25",
    "brl": "0.18", "inr": "0.0119", "isk": "0.0072", "ugx": "0.00027", "huf": "0.0027",
    "twd": "0.031", "idr": "0.000062", "cop": "0.00025", "mga": "0.00022", "chf": "1.13",
    "cad": "0.73", "aud": "0.66", "mxn": "0.055", "pln": "0.25", "sek": "0.095", "try": "0.029",
    "bhd": "2.65", "jod": "1.41", "omr": "2.6", "tnd": "0.32", "clp": "0.00106", "vnd": "0.00004",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pricing:
    """What a card payment costs: parts of ten thousand and a fixed part, and more if converted."""

    rate_bps: int = 290
    fixed_minor: int = 30
    conversion_bps: int = 100
    dispute_minor: int = 1500


def exponent(currency: str) -> int:
    """Return the decimals of Stripe's minor unit of a currency in lower case."""
    return EXPONENTS.get(currency, exponent_of(currency.upper()))


def refusal_of(amount: int, currency: str) -> tuple[str, str] | None:
    """Say why Stripe does not charge this amount, as code and message."""
    if currency not in RATES:
        return "currency_not_supported", f"Invalid currency: {currency}."
    if amount > AMOUNT_MAX:
        return "amount_too_large", f"Amount must be no more than {AMOUNT_MAX}."
    step = STEPS.get(currency, 1)
    if amount % step:
        return "parameter_invalid_integer", f"Amounts in {currency} must be divisible by {step}."
    if Decimal(amount).scaleb(-exponent(currency)) * Decimal(RATES[currency]) < WORTH_MIN:
        return (
            "amount_too_small",
            "The Checkout Session's total amount must convert to at least 50 cents.",
        )
    return None


def rate(source: str, target: str) -> Decimal:
    """Return what the minor unit of one currency is in minor units of another."""
    whole = Decimal(RATES[source]) / Decimal(RATES[target])
    return round(whole.scaleb(exponent(target) - exponent(source)), 6)


def converted(amount: int, by: Decimal) -> int:
    """Return an amount in the other currency, half a unit rounded away from zero."""
    return int((amount * by).to_integral_value(ROUND_HALF_UP))


def share(amount: int, bps: int) -> int:
    """Return parts of ten thousand, half a unit rounded up: 29 of 999 at 290."""
    return int((Decimal(amount) * bps / 10_000).to_integral_value(ROUND_HALF_UP))
