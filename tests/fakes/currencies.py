"""The digits of minor units in ISO 4217, of the currencies that the fakes know."""

_WHOLE = frozenset({"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND"})
_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "OMR", "TND"})


def digits(currency: str) -> int:
    """Return how many digits a minor unit is after the point."""
    return 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
