"""Gifts over HTTP, from the request until everything it causes has been written."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

VIEWERS = 300
BUYERS_AT_ONCE = 40
FINISH_SECONDS_MAX = 300.0
SPREAD_CREATORS = 500
GIFT_TYPE = "g_pebble"


@dataclass(slots=True)
class Load:
    """
    What one burst of gifts was like.

    `sent` were answered 201, `pending` 202: their request had waited for as long as it may.
    """

    sent: int = 0
    pending: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def gifts(self) -> int:
        return self.sent + self.pending

    def percentile_ms(self, percent: int) -> float:
        return round(statistics.quantiles(self.latencies_ms, n=100)[percent - 1], 1)


class Crowd:
    """
    Viewers with tokens, who buy coins and give as fast as they are answered.

    `token` gives one to a viewer; `number` reads one number from the database of a service.
    """

    def __init__(
        self, gateway: str, token: Callable[[str], str], count_rows: Callable[[str, str, str], int]
    ) -> None:
        self._gateway = gateway
        self._count_rows = count_rows
        self._address = urlsplit(gateway)
        self._numbers = count()
        self._run = uuid4().hex[:6]
        self._viewers = [f"viewer-{self._run}-{number}" for number in range(VIEWERS)]
        self._tokens = [token(viewer) for viewer in self._viewers]
        self.is_funded = False

    async def fund(self) -> int:
        """Let all buy coins: the API, the pay page, the webhooks. Return how many had to."""
        if self.is_funded:
            return 0
        slots = asyncio.Semaphore(BUYERS_AT_ONCE)
        limits = httpx.Limits(max_connections=BUYERS_AT_ONCE)
        async with httpx.AsyncClient(
            base_url=self._gateway, limits=limits, timeout=30, trust_env=False
        ) as client:
            await asyncio.gather(*(self._buy(client, slots, number) for number in range(VIEWERS)))
        own = f"user_id LIKE 'viewer-{self._run}-%'"
        async with asyncio.timeout(FINISH_SECONDS_MAX):
            while await asyncio.to_thread(self._count_rows, "wallet", "lots", own) < VIEWERS:
                await asyncio.sleep(0.1)
        self.is_funded = True
        return VIEWERS

    async def _buy(self, client: httpx.AsyncClient, slots: asyncio.Semaphore, number: int) -> None:
        headers = {
            "Authorization": f"Bearer {self._tokens[number]}",
            "Idempotency-Key": f"{self._run}-{number}",
        }
        async with slots, asyncio.timeout(FINISH_SECONDS_MAX):
            while (action := await self._next_action(client, headers)) is None:
                await asyncio.sleep(0.5)
            await client.post(action["url"], data={"card": "4242424242424242"})

    @staticmethod
    async def _next_action(
        client: httpx.AsyncClient, headers: dict[str, str]
    ) -> dict[str, str] | None:
        """Ask for a purchase; a busy machine may say to ask again, which is no reason to end."""
        wish = {"package": "coins_10000", "currency": "USD"}
        answer = await client.post("/v1/purchases", json=wish, headers=headers)
        if answer.status_code == 503:
            return None
        action: dict[str, str] | None = answer.raise_for_status().json()["next_action"]
        return action

    async def give(
        self, *, open_requests: int, seconds: float, creators: int = SPREAD_CREATORS
    ) -> Load:
        """Keep so many requests open for so long."""
        load = Load()
        started = time.perf_counter()
        deadline = started + seconds
        await asyncio.gather(
            *(self._client(deadline, creators, load) for _ in range(open_requests))
        )
        load.seconds = time.perf_counter() - started
        return load

    async def give_steadily(
        self,
        *,
        rate: float,
        seconds: float,
        connections: int,
        creators: int = SPREAD_CREATORS,
        gift_type: str = GIFT_TYPE,
        wait: bool = False,
        headers: str = "",
    ) -> dict[str, float]:
        """
        Offer so many gifts a second; return when each was accepted.

        Accepted is any answer but a refusal; with `wait`, the answer that it was sent. `headers`
        are further lines of each request.
        """
        if not wait:
            headers += "Prefer: respond-async\r\n"
        wanted = (201,) if wait else (201, 202)
        accepted: dict[str, float] = {}
        started = time.perf_counter()
        turns = count()

        async def client() -> None:
            reader, writer = await asyncio.open_connection(
                self._address.hostname, self._address.port
            )
            while (turn := next(turns)) < rate * seconds:
                await asyncio.sleep(started + turn / rate - time.perf_counter())
                writer.write(self._request(next(self._numbers), creators, gift_type, headers))
                status, body = await answer(reader)
                if status not in wanted:
                    raise RuntimeError(f"a gift was answered {status}")
                accepted[json.loads(body)["gift"]] = time.perf_counter()
            writer.close()

        await asyncio.gather(*(client() for _ in range(connections)))
        return accepted

    async def _client(self, deadline: float, creators: int, load: Load) -> None:
        """One connection, one request at a time; raw streams cost a tenth of a client library."""
        reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        try:
            while time.perf_counter() < deadline:
                writer.write(self._request(next(self._numbers), creators))
                asked = time.perf_counter()
                status, _ = await answer(reader)
                if status == 201:
                    load.sent += 1
                    load.latencies_ms.append((time.perf_counter() - asked) * 1000)
                elif status == 202:
                    load.pending += 1
                else:
                    raise RuntimeError(f"a gift was answered {status}")
        finally:
            writer.close()

    def room(self, *, creators: int, creator: int = 0) -> str:
        """Name the room of one of so many creators."""
        return f"room-{self._run}-{creators}-{creator}"

    def _request(
        self, number: int, creators: int, gift_type: str = GIFT_TYPE, headers: str = ""
    ) -> bytes:
        creator = number % creators
        body = json.dumps(
            {
                "gift_type": gift_type,
                "creator": f"creator-{self._run}-{creators}-{creator}",
                "room": self.room(creators=creators, creator=creator),
            }
        )
        token = self._tokens[number % VIEWERS]
        return (
            f"POST /v1/gifts HTTP/1.1\r\nHost: {self._address.netloc}\r\n"
            f"Authorization: Bearer {token}\r\nIdempotency-Key: {self._run}-{number}\r\n{headers}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith("content-length:"))
    return int(lines[0].split(" ")[1]), await reader.readexactly(length)
