"""Viewers who give many gifts and retry with the same key until they are answered."""

import asyncio
import time
from contextlib import suppress
from uuid import uuid4

import aiohttp
import httpx

from tests.journeys.people import stage_on

ANSWERED = (201, 402, 403, 404, 409, 422)
ANSWER_SECONDS_MAX = 120
FINISH_SECONDS_MAX = 60


class Crowd:
    """Some viewers with coins, and everything they were answered."""

    def __init__(self, system, *, viewers=4):
        self.system = system
        run = uuid4().hex[:6]
        self.room, self.creator = f"room-{run}", f"creator-{run}"
        self.viewers = [f"viewer-{run}-{number}" for number in range(viewers)]
        self.answers: dict[str, int] = {}
        self.unavailable = 0
        self._tokens: dict[str, str] = {}

    def fund(self):
        """Open the room, and buy 10,000 coins for each viewer, through the API and the pay page."""
        with stage_on(self.system) as stage:
            stage.open_room(self.creator, self.room)
        with httpx.Client(base_url=self.system.gateway_url, timeout=60) as client:
            for viewer in self.viewers:
                headers = self._headers(viewer, f"fund-{viewer}")
                wish = {"package": "coins_10000"}
                bought = client.post("/v1/purchases", json=wish, headers=headers).json()
                client.post(bought["next_action"]["url"], data={"card": "4242424242424242"})
        self.wait_until(lambda: all(self._coins(viewer) == 10_000 for viewer in self.viewers))

    async def give(self, count, *, open_requests=32):
        """Send so many gifts of one coin, each under its own key, and see each answered."""
        keys = iter(range(count))
        run = uuid4().hex[:6]
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session:

            async def client():
                for number in keys:
                    viewer = self.viewers[number % len(self.viewers)]
                    await self._give(session, viewer, f"{run}-{number}")

            await asyncio.wait_for(
                asyncio.gather(*(client() for _ in range(open_requests))), ANSWER_SECONDS_MAX
            )

    async def _give(self, session, viewer, key):
        url = f"{self.system.gateway_url}/v1/gifts"
        wish = {"gift_type": "g_pebble", "creator": self.creator, "room": self.room}
        while key not in self.answers:
            with suppress(aiohttp.ClientError, TimeoutError):
                headers = self._headers(viewer, key)
                async with session.post(url, json=wish, headers=headers) as answer:
                    if answer.status == 409 and (await answer.json())["code"] == "try-again":
                        continue
                    if answer.status in ANSWERED:
                        self.answers[key] = answer.status
                    elif answer.status == 503:
                        self.unavailable += 1
            await asyncio.sleep(0.1)

    def books(self):
        """What every service says, as far as it concerns all gifts."""
        headers = {"Authorization": f"Bearer {self._operator()}"}
        with httpx.Client(base_url=self.system.gateway_url, headers=headers, timeout=60) as client:

            def of(service):
                answer = client.get(f"/v1/operator/{service}/books")
                return answer.json() if answer.status_code == 200 else None

            said = {service: of(service) for service in ("wallet", "gift", "payout")}
            said["room"] = client.get(f"/v1/rooms/{self.room}").json()
        return said

    def agree(self):
        """Whether the gifts answered 201 are in every book, exactly once."""
        sent = sum(status == 201 for status in self.answers.values())
        said = self.books()
        wallet, gift, payout, room = (said[name] for name in ("wallet", "gift", "payout", "room"))
        if None in (wallet, gift, payout):
            return False
        return (
            room.get("gifts") == room.get("coins") == sent
            and gift["requested"] == 0
            and wallet["spent_coins"] == gift["coins_sent"] == payout["coins_of_gifts"]
            and wallet["gifts"] == gift["sent"] == payout["gifts"]
            and wallet["issued_coins"] == wallet["spent_coins"] + wallet["balances_coins"]
            and wallet["balances_coins"] == wallet["lots_coins"]
            and payout["diamonds_earned"] == payout["coins_of_gifts"]
            and wallet["postings_sum"] == payout["postings_sum"] == 0
        )

    def wait_until(self, condition):
        deadline = time.monotonic() + FINISH_SECONDS_MAX
        while not condition():
            assert time.monotonic() < deadline, self.books()
            time.sleep(0.3)

    def dead_letters(self):
        """How many messages are in the dead-letter queues of the system's vhost."""
        queues = self.system.rabbit.manage("GET", "/api/queues")
        return {
            queue["name"]: queue["messages"]
            for queue in queues
            if queue["name"].endswith(".dlq") and queue.get("messages")
        }

    def _coins(self, viewer):
        headers = {"Authorization": f"Bearer {self.system.token(viewer)}"}
        answer = httpx.get(f"{self.system.gateway_url}/v1/wallets/me", headers=headers)
        return answer.json().get("coins")

    def _operator(self):
        return self.system.token("ops", roles=["operator"], scopes=["books:read"])

    def _headers(self, viewer, key):
        if viewer not in self._tokens:
            self._tokens[viewer] = self.system.token(viewer)
        return {"Authorization": f"Bearer {self._tokens[viewer]}", "Idempotency-Key": key}
