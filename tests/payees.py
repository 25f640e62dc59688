"""Payees, for tests that are about something else."""

from typing import Any

from services.payout.domain.payees import PayeeRequest


def a_payee_request(
    creator: str, destination: str = "acct_ok", *, currency: str = "USD", **about: Any
) -> PayeeRequest:
    """What a creator asks who names an account at the sandbox."""
    known: dict[str, Any] = {
        "provider": "sandbox",
        "country": None,
        "account": None,
        "legal_name": None,
        "email": None,
        "changed_by": creator,
        "correlation_id": "story",
    }
    return PayeeRequest(
        creator=creator, currency=currency, destination=destination, **{**known, **about}
    )
