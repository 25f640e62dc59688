"""Who fuzzes, and what they did before: bought, gave, earned, and asked for money."""

import json
from pathlib import Path
from typing import Any

import httpx

from deploy.harness.system import System
from tests.journeys.people import GOOD_CARD, eventually

# Always the same names, so that the same seed is the same run.
PEERS = {"mira": "lea", "lea": "mira"}
OTHERS = ("otto", "ann", "ben")
SCOPES = [
    *("books:read", "finance:read", "audit:read", "wallets:read", "wallets:freeze"),
    *("limits:write", "adjustments:write", "refunds:write", "disputes:read", "payouts:review"),
    *("payees:review", "catalogue:write", "rooms:write", "gifts:moderate"),
    *("dead-letters:read", "dead-letters:write"),
]
TTL_SECONDS = 86_400
PACKAGE = "coins_10000"
GIFT = "g_pebble"
AMOUNT = 1_000_000
REQUEST_SECONDS_MAX = 30


def prepare(system: System, file: Path) -> dict[str, str]:
    """Let everybody do what they do, write down the peers' tokens, and return the others'."""
    claims: dict[str, dict[str, Any]] = {
        "mira": {"roles": ["creator"], "country": "DE", "age_verified": 30},
        "lea": {"roles": ["creator"], "country": "FR", "age_verified": 28},
        "otto": {},
        "ann": {"roles": ["operator"], "scopes": SCOPES},
        "ben": {"roles": ["operator"], "scopes": SCOPES},
    }
    tokens = {
        name: f"Bearer {system.token(name, ttl_seconds=TTL_SECONDS, **about)}"
        for name, about in claims.items()
    }
    with httpx.Client(
        base_url=system.gateway_url, timeout=REQUEST_SECONDS_MAX, trust_env=False
    ) as http:
        _play(http, tokens)
    peers = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": tokens[name]}]}
        for name in PEERS
    ]
    file.write_text(json.dumps({"auth": peers}))
    return {f"FUZZ_{name.upper()}": tokens[name] for name in OTHERS}


def _play(http: httpx.Client, tokens: dict[str, str]) -> None:
    def ask(who: str, method: str, path: str, body: object = None, key: str = "first") -> Any:
        headers = {"Authorization": tokens[who], "Idempotency-Key": key}
        answer = http.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def is_taken(who: str, path: str) -> bool:
        headers = {"Authorization": tokens[who]}
        return http.put(path, json={"gifts_off": False}, headers=headers).is_success

    def buy(who: str) -> Any:
        return ask(who, "POST", "/v1/purchases", {"package": PACKAGE})

    for name in (*PEERS, "otto"):
        # A busy machine may not have asked the provider yet.
        pay = eventually(lambda name=name: buy(name)["next_action"])["url"]
        httpx.post(pay, data={"card": GOOD_CARD}, timeout=REQUEST_SECONDS_MAX, trust_env=False)
        eventually(lambda name=name: buy(name)["state"] == "completed")
    for name in PEERS:
        ask(name, "PUT", f"/v1/rooms/{name}/stream", {})
        switch = f"/v1/gifts/creators/{name}/rooms/{name}"
        # Gift hears of a room a moment after it was opened.
        eventually(lambda name=name, switch=switch: is_taken(name, switch))
    for name, other in PEERS.items():
        wish = {"gift_type": GIFT, "creator": other, "room": other}
        ask(name, "POST", "/v1/gifts", wish)
    for name in PEERS:
        correction = {"user": name, "amount": AMOUNT, "reason": "to be fuzzed"}
        # Coins as well: those of a purchase go when it is refunded.
        for ledger in ("payout", "wallet"):
            path = f"/v1/operator/{ledger}/adjustments"
            asked = ask("ann", "POST", path, correction, key=name)["adjustment"]
            ask("ben", "POST", f"{path}/{asked}/approve")
        ask(name, "PUT", "/v1/payouts/payees/USD", {"destination": f"acct_ok_{name}"})
        quote = ask(name, "POST", "/v1/payouts/quotes", {"diamonds": 2_000})["quote"]
        ask(name, "POST", "/v1/payouts", {"quote": quote})
