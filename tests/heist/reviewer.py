"""
A person who reviews payouts, as docs/operations/fraud.md tells them to.

They reject what a rule shows clearly, and let the rest go. For a new payee they ask the creator,
at the old address, whose account it is.
"""

from typing import Any

from tests.heist.people import People

# From which share of the diamonds a finding ends a payout, in basis points.
REJECTED_FROM_BP = {
    "concentration": 8_000,
    "circular-gifting": 5_000,
    "self-gifting": 5_000,
    "fresh-cards": 8_000,
    "taken-back": 2_000,
    "account-farm": 5_000,
}
PAYEE_CHANGED = "payee-changed"
CROOK_ACCOUNT = "acct_crook_"


async def review(people: People, *, looks: bool) -> None:
    """Decide about all payouts under review; one who does not look lets everything go."""
    for held in await people.under_review():
        creator, payout = held["creator"], held["payout"]
        approved = not looks or await _is_good(people, held)
        # A large payout is approved by several people, and rejected by one.
        needed = held.get("approvals_needed", 1) if approved else 1
        for number in range(needed):
            await people.decide(creator, payout, approved=approved, operator=f"reviewer{number}")


async def _is_good(people: People, held: dict[str, Any]) -> bool:
    if held["reason"] == PAYEE_CHANGED and held["destination"].startswith(CROOK_ACCOUNT):
        return False
    findings = await people.findings(held["creator"], held["payout"])
    return not any(
        each["mode"] == "enforced"
        and each["score_bp"] >= REJECTED_FROM_BP.get(each["rule"], 10_001)
        for each in findings
    )
