"""What the tests of the fake PayPal say to it."""

from typing import Any

import httpx


def an_order(value: str = "9.99", currency: str = "USD", **unit: str) -> dict[str, Any]:
    """Return the body of a create for one purchase unit."""
    return {
        "intent": "CAPTURE",
        "purchase_units": [
            {"amount": {"currency_code": currency, "value": value}, "custom_id": "p1"} | unit
        ],
    }


def issue(answer: httpx.Response) -> str:
    """Return the first issue of an error."""
    return str(answer.json()["details"][0]["issue"])
