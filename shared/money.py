"""
Currencies, amounts in their minor units as people write them, and how a share is rounded.

The pages have the same table in `services/web/static/currencies.js`; a test keeps the two equal.
"""

from collections.abc import Iterable, Mapping
from enum import Enum

# Decimals of the minor unit: the currencies of ISO 4217 that are in use, by their exponent.
CODES: Mapping[int, str] = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
        "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
        "GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK "
        "LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
        "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
        "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST "
        "XAD XCD XCG YER ZAR ZMW ZWG"
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
EXPONENTS: Mapping[str, int] = {
    code: exponent for exponent, codes in CODES.items() for code in codes.split()
}


# Card networks and PayPal write these with fewer decimals: amounts are divisible by so many minor
# units (https://docs.stripe.com/currencies#special-cases,
# https://developer.paypal.com/api/rest/reference/currency-codes/).
PAYABLE_STEPS: Mapping[str, int] = dict.fromkeys(CODES[3].split(), 10) | dict.fromkeys(
    ("HUF", "MGA", "TWD"), 100
)


class Rounding(Enum):
    """What becomes of the fraction of a unit. Each caller says in whose favour it rounds."""

    DOWN = "down"
    UP = "up"
    # For tax, and for figures that are shown and never paid; half a unit goes up.
    NEAREST = "nearest"


def prorate(amount: int, part: int, whole: int, rounding: Rounding) -> int:
    """
    Return `amount * part / whole` as a whole number, exact before it is rounded.

    The amounts are money in minor units, coins or diamonds. The result of a negative amount is
    rounded towards minus infinity (`DOWN`) or plus infinity (`UP`), too.
    """
    if rounding is Rounding.NEAREST:
        return (2 * amount * part + whole) // (2 * whole)
    if rounding is Rounding.UP:
        return -(-amount * part // whole)
    return amount * part // whole


def payable(amount_minor: int, currency: str) -> int:
    """Round up to an amount that can be paid: 3.055 KWD to 3.060, as no card takes the first."""
    step = PAYABLE_STEPS.get(currency, 1)
    return -(-amount_minor // step) * step


def is_currency(code: str) -> bool:
    """Whether we know how many decimals amounts in it have."""
    return code in EXPONENTS


def require_currencies(codes: Iterable[str]) -> None:
    """Stop a service whose settings name an unknown currency."""
    unknown = sorted(code for code in codes if not is_currency(code))
    assert not unknown, f"{', '.join(unknown)}: no currency of ISO 4217 that is in use"


def exponent_of(code: str) -> int:
    """Return how many decimals amounts in a currency have."""
    require_currencies([code])
    return EXPONENTS[code]


def minor_units_in(code: str) -> int:
    """Return how many minor units one whole of a currency has: 100 cents, 1 yen."""
    return int(10 ** exponent_of(code))


def amount_text(amount_minor: int, currency: str) -> str:
    """Write minor units as people read them: 160 JPY, 4.99 USD, 0.305 KWD."""
    exponent = exponent_of(currency)
    sign, digits = "-" if amount_minor < 0 else "", str(abs(amount_minor)).zfill(exponent + 1)
    whole, decimals = digits[: len(digits) - exponent], digits[len(digits) - exponent :]
    return f"{sign}{whole}.{decimals} {currency}" if decimals else f"{sign}{whole} {currency}"
