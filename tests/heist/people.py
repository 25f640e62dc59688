"""People, honest or not, at the public API; and what only they and their banks can do."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self
from uuid import uuid4

import httpx

from deploy.harness.issuer import ADULT_YEARS
from tests.heist.stage import FastSystem

CARD = "4242424242424242"
# Its viewers pay in dollars, and may have unused coins refunded for some days.
COUNTRY = "KR"
AT_ONCE = 12
REQUEST_SECONDS_MAX = 30.0
# Shorter than servers keep an idle connection, so that none is closed while it is taken.
KEEPALIVE_SECONDS = 2.0
# How often something is asked again, and for how long: many times what it takes on a busy machine.
RETRY_SECONDS, WAIT_SECONDS_MAX = 0.25, 90.0
# A gift of a thousand coins, of which one request sends at most ten.
GIFT, GIFT_COINS, PIECES_MAX = "g_loco", 1_000, 10
TOKEN_SECONDS = 43_200
# Who decides about payouts.
REVIEWER = "reviewer"
ESTABLISHED, NEW = timedelta(days=400), timedelta(days=1)


@dataclass(slots=True)
class Person:
    """Someone with an account at the host, of some age; creators may be paid out."""

    name: str
    account_age: timedelta = ESTABLISHED
    # How long ago whoever holds the token signed in: long ago, if it is a stolen one.
    login_age: timedelta = timedelta()
    is_creator: bool = False
    purchases: list[str] = field(default_factory=list)
    payouts: list[str] = field(default_factory=list)


async def _tries() -> AsyncIterator[None]:
    """Yield as long as it is worth asking again."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < deadline:
        yield
        await asyncio.sleep(RETRY_SECONDS)


class People:
    """What people can do. A refusal is an answer: None, and the code is counted."""

    def __init__(self, system: FastSystem) -> None:
        self._system = system
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tokens: dict[tuple[str, timedelta], tuple[object, str]] = {}
        self._client = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=2 * AT_ONCE, keepalive_expiry=KEEPALIVE_SECONDS),
            timeout=REQUEST_SECONDS_MAX,
            trust_env=False,
        )
        self.refused: dict[str, int] = defaultdict(int)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def buy(self, person: Person, coins: int, card: str) -> str | None:
        """Buy so many coins with a card, and wait for them; return the purchase."""
        async with self._turns:
            return await self._buy(person, coins, card)

    async def _buy(self, person: Person, coins: int, card: str) -> str | None:
        bought = await self._start_purchase(person, coins)
        if bought is None:
            return None
        await self._client.post(bought["next_action"]["url"], data={"card": f"{CARD}-{card}"})
        purchase = str(bought["purchase"])
        person.purchases.append(purchase)
        async for _ in _tries():
            found = await self._ask("GET", f"/v1/purchases/{purchase}", person)
            if found is not None and found["state"] == "completed":
                return purchase
        raise AssertionError(f"{person.name} never got the coins of {purchase}")

    async def _start_purchase(self, person: Person, coins: int) -> Any:
        """Return a purchase that can be paid, or nothing if it is refused."""
        key, wish = uuid4().hex, {"package": "custom", "coins": coins}
        async for _ in _tries():
            bought = await self._ask("POST", "/v1/purchases", person, wish, key=key)
            # Nothing to do yet: the provider has not answered.
            if bought is None or bought["next_action"] is not None:
                return bought
        raise AssertionError(f"{person.name} never got the page to pay: {bought}")

    async def give(self, person: Person, creator: Person, coins: int) -> None:
        """Give a creator coins, in gifts of at most ten thousand."""
        target = await self._target_token(creator.name)
        pieces = coins // GIFT_COINS
        while pieces > 0:
            count = min(pieces, PIECES_MAX)
            wish = {
                "gift_type": GIFT,
                "creator": creator.name,
                "count": count,
                "target_token": target,
                "confirm": True,
            }
            async with self._turns:
                await self._ask("POST", "/v1/gifts", person, wish, key=uuid4().hex)
            pieces -= count

    async def set_payee(self, creator: Person, destination: str) -> None:
        async with self._turns:
            await self._ask("PUT", "/v1/payouts/payees/USD", creator, {"destination": destination})

    async def quote(self, creator: Person) -> str | None:
        """Ask what all that is available would bring."""
        async with self._turns:
            quoted = await self._ask("POST", "/v1/payouts/quotes", creator, {})
        return None if quoted is None else str(quoted["quote"])

    async def request_payout(self, creator: Person, quote: str) -> str | None:
        async with self._turns:
            asked = await self._ask(
                "POST", "/v1/payouts", creator, {"quote": quote}, key=uuid4().hex
            )
        if asked is None:
            return None
        creator.payouts.append(asked["payout"])
        return str(asked["payout"])

    async def cash_out(self, creator: Person) -> str | None:
        """Ask for as much money as can be had."""
        quote = await self.quote(creator)
        return await self.request_payout(creator, quote) if quote else None

    async def refund(self, person: Person, purchase: str) -> None:
        """Ask for the money of unused coins, as the law lets viewers do."""
        async with self._turns:
            path = f"/v1/purchases/{purchase}/refunds"
            await self._ask("POST", path, person, {}, key=uuid4().hex)

    async def dispute(self, purchase: str) -> None:
        """Let the cardholder tell the bank that it was fraud; it agrees unless all went back."""
        payment = await self.payment_of(purchase)
        won = payment["refunded_minor"] == payment["amount_minor"]
        opened = await self._at_provider("POST", f"/payments/{payment['id']}/disputes", {})
        await self._at_provider("POST", f"/disputes/{opened['id']}/close", {"won": won})
        self._system.said_by_banks += 1

    async def warn(self, purchase: str) -> None:
        """Let the card network suspect that a payment is fraud."""
        payment = await self.payment_of(purchase)
        await self._at_provider("POST", f"/payments/{payment['id']}/warnings", {})
        self._system.said_by_banks += 1

    async def payment_of(self, purchase: str) -> Any:
        found = await self._at_provider("GET", f"/payments?reference={purchase}")
        return found["items"][0]

    async def transfers_of(self, attempt: str) -> Any:
        found = await self._at_provider(
            "GET", f"/transfers?reference={attempt}", key=self._system.secrets.transfers_key
        )
        return found["items"]

    async def under_review(self) -> list[Any]:
        held = await self._operate("GET", "/v1/operator/payouts")
        return list(held["items"])

    async def findings(self, creator: str, payout: str) -> list[Any]:
        found = await self._operate("GET", f"/v1/operator/payouts/{creator}/{payout}/findings")
        return list(found["items"])

    async def decide(
        self, creator: str, payout: str, *, approved: bool, operator: str = REVIEWER
    ) -> None:
        verb = "approve" if approved else "reject"
        path = f"/v1/operator/payouts/{creator}/{payout}/{verb}"
        await self._operate("POST", path, {"reason": "as the evidence says"}, operator=operator)

    async def _operate(
        self, method: str, path: str, body: object = None, *, operator: str = REVIEWER
    ) -> Any:
        person = Person(operator)
        claims = {"roles": ["operator"], "scopes": ["payouts:review"]}
        answer = await self._send(method, path, await self._token(person, **claims), body)
        answer.raise_for_status()
        return answer.json()

    async def _ask(
        self, method: str, path: str, person: Person, body: object = None, *, key: str = ""
    ) -> Any:
        roles = ["creator"] if person.is_creator else []
        token = await self._token(person, roles=roles)
        answer = await self._send(method, path, token, body, key=key)
        if answer.is_success:
            return answer.json()
        assert answer.status_code < 500, answer.text
        self.refused[answer.json()["code"]] += 1
        return None

    async def _send(
        self, method: str, path: str, token: str, body: object, *, key: str = ""
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        url = f"{self._system.gateway_url}{path}"
        # A service that is busy says so; the same key asks for the same thing again.
        async for _ in _tries():
            answer = await self._client.request(method, url, json=body, headers=headers)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
        raise AssertionError(f"{method} {path} was never answered: {answer.text}")

    async def _token(self, person: Person, **claims: object) -> str:
        today = self._system.clock.now().date()
        key = (person.name, person.login_age)
        known = self._tokens.get(key)
        if known is None or known[0] != today:
            now = self._system.clock.now()
            asked = {
                "sub": person.name,
                "age_verified": ADULT_YEARS,
                "country": COUNTRY,
                "account_created_at": int((now - person.account_age).timestamp()),
                "auth_time": int((now - person.login_age).timestamp()),
                "ttl_seconds": TOKEN_SECONDS,
                **claims,
            }
            answer = await self._client.post(f"{self._system.issuer_url}/token", json=asked)
            known = self._tokens[key] = (today, answer.json()["access_token"])
        return known[1]

    async def _target_token(self, creator: str) -> str:
        asked = {"creators": [creator], "ttl_seconds": TOKEN_SECONDS}
        answer = await self._client.post(f"{self._system.issuer_url}/target-token", json=asked)
        return str(answer.json()["target_token"])

    async def _at_provider(
        self, method: str, path: str, body: object = None, *, key: str = ""
    ) -> Any:
        headers = {"Authorization": f"Bearer {key or self._system.secrets.payments_key}"}
        url = f"{self._system.sandbox_url}{path}"
        answer = await self._client.request(method, url, json=body, headers=headers)
        answer.raise_for_status()
        return answer.json()
