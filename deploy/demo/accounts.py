"""The account that a creator sets up on the page of the payout provider."""

import time

import httpx

from deploy.demo.person import Person, StoryFailed, checked

SECONDS_MAX = 60
POLL_SECONDS = 0.2


def set_up_account(creator: Person) -> str:
    """Fill in the sandbox's page as the creator would, and return what is known then, in words."""
    link = checked(creator.post("/v1/payouts/payees/USD/onboarding", {}), 200)
    httpx.post(link["url"], data={"outcome": "verified"}, timeout=SECONDS_MAX, trust_env=False)
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        (payee,) = creator.get("/v1/payouts/payees")["items"]
        if not payee["obstacles"]:
            return f"{creator.user}'s account {payee['destination']} is {payee['verification']}"
        time.sleep(POLL_SECONDS)
    raise StoryFailed(f"the account is not enabled: {payee['obstacles']}")
