"""Who takes part, and what they do besides giving: they buy, complain, and want money back."""

import asyncio
from typing import Any

import httpx

from tests.chaos.plan import CREATORS, Errand, Plan
from tests.chaos.stage import Stage

CARD = "4242424242424242"
FUNDING = "coins_10000"
FUNDED_COINS = 10_000
PACKAGE = "coins_500"
BUYERS_AT_ONCE = 16
REQUEST_SECONDS_MAX = 15
RETRY_SECONDS = 0.2
DISPUTE_CLOSES_AFTER_SECONDS = 1.0
# The law of this country gives unused coins back.
COUNTRY = "DE"


class People:
    """Viewers and creators, who reach the system through its public API only."""

    def __init__(self, system: Stage, plan: Plan) -> None:
        self._system = system
        self._plan = plan
        self.url = system.gateway_url
        self.viewers = [f"viewer-{number}" for number in range(plan.viewers)]
        self.creators = [f"creator-{number}" for number in range(CREATORS)]
        self.rooms = [f"room-{number}" for number in range(CREATORS)]
        self._tokens = {
            viewer: system.token(viewer, country=COUNTRY, ttl_seconds=86_400)
            for viewer in self.viewers
        }
        self._client = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=2 * BUYERS_AT_ONCE),
            timeout=REQUEST_SECONDS_MAX,
            trust_env=False,
        )
        self.funding: dict[str, str] = {}
        self.purchases: set[str] = set()
        # By the provider's id of a dispute: whether the bank has decided for us.
        self.disputes: dict[str, bool] = {}
        self.refunds: set[str] = set()

    async def leave(self) -> None:
        await self._client.aclose()

    def headers(self, viewer: str, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens[viewer]}", "Idempotency-Key": key}

    async def fund(self) -> None:
        """Open the rooms; let every viewer but the poor ones buy coins, and wait for them."""
        for creator, room in zip(self.creators, self.rooms, strict=True):
            await self._open(creator, room)
        turns = asyncio.Semaphore(BUYERS_AT_ONCE)

        async def buy(viewer: str) -> None:
            async with turns:
                self.funding[viewer] = await self._buy(viewer, f"fund-{viewer}", FUNDING)
                await self._until_completed(viewer, self.funding[viewer])

        async with asyncio.TaskGroup() as buying:
            for viewer in self.viewers[: self._plan.buyers]:
                buying.create_task(buy(viewer))

    async def _open(self, creator: str, room: str) -> None:
        """Let a creator go live, and wait until gift knows it."""
        token = self._system.token(creator, roles=["creator"], ttl_seconds=86_400)
        headers = {"Authorization": f"Bearer {token}"}
        for path, body in (
            (f"/v1/rooms/{room}/stream", {}),
            (f"/v1/gifts/creators/{creator}/rooms/{room}", {"gifts_off": False}),
        ):
            while True:
                answer = await self._client.put(f"{self.url}{path}", json=body, headers=headers)
                if answer.is_success:
                    break
                await asyncio.sleep(RETRY_SECONDS)

    async def do(self, errand: Errand, viewer: str, key: str) -> None:
        """Do something once, however often it has to be asked for."""
        match errand:
            case Errand.BUY:
                await self._buy(viewer, key, PACKAGE)
            case Errand.DISPUTE:
                await self._dispute(self.funding[viewer])
            case Errand.DISPUTE_WON:
                dispute = await self._dispute(self.funding[viewer])
                await asyncio.sleep(DISPUTE_CLOSES_AFTER_SECONDS)
                await self._at_provider("POST", f"/disputes/{dispute}/close", {"won": True})
                self.disputes[dispute] = True
            case Errand.REFUND:
                path = f"/v1/purchases/{self.funding[viewer]}/refunds"
                asked = await self._insist("POST", f"{self.url}{path}", viewer, key, {})
                self.refunds.add(asked["refund"])

    async def _buy(self, viewer: str, key: str, package: str) -> str:
        url, wish = f"{self.url}/v1/purchases", {"package": package}
        bought = await self._insist("POST", url, viewer, key, wish)
        self.purchases.add(bought["purchase"])
        while bought["next_action"] is None and bought["state"] == "created":
            await asyncio.sleep(RETRY_SECONDS)
            bought = await self._insist("POST", url, viewer, key, wish)
        assert bought["next_action"], bought
        paid = await self._client.post(bought["next_action"]["url"], data={"card": CARD})
        # The pay page then leads back to where the purchase began.
        assert not paid.is_error, paid.text
        return str(bought["purchase"])

    async def _until_completed(self, viewer: str, purchase: str) -> None:
        url = f"{self.url}/v1/purchases/{purchase}"
        while (await self._insist("GET", url, viewer, "read", None))["state"] != "completed":
            await asyncio.sleep(RETRY_SECONDS)

    async def _dispute(self, purchase: str) -> str:
        """Let a cardholder ask the bank; that happens at the provider, which nothing disturbs."""
        found = await self._at_provider("GET", f"/payments?reference={purchase}")
        payment = found["items"][0]["id"]
        made = await self._at_provider("POST", f"/payments/{payment}/disputes", {})
        self.disputes[made["id"]] = False
        return str(made["id"])

    async def _at_provider(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self._system.payments_key}"}
        url = f"{self._system.sandbox_url}{path}"
        answer = await self._client.request(method, url, json=body, headers=headers)
        answer.raise_for_status()
        return answer.json()

    async def _insist(self, method: str, url: str, viewer: str, key: str, body: object) -> Any:
        """Ask with the same key until there is an answer that is no trouble of the moment."""
        while True:
            try:
                answer = await self._client.request(
                    method, url, json=body, headers=self.headers(viewer, key)
                )
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                return answer.json()
            if answer is not None and answer.status_code < 500:
                assert answer.json().get("code") == "try-again", answer.text
            await asyncio.sleep(RETRY_SECONDS)
