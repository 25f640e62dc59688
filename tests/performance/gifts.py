"""(b), (c) Gifts over HTTP, from the request until everything it causes has been written."""

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from deploy.config.databases import fetch
from deploy.harness.issuer import ADULT_YEARS
from deploy.harness.system import System
from tests.performance.results import Result, compared

VIEWERS = 1_000
BUYERS_AT_ONCE = 40
SECONDS = 8.0
WARM_UP_SECONDS = 2.0
FINISH_SECONDS_MAX = 60.0
SPREAD_CREATORS = 500
GIFT_TYPE = "g_pebble"
FLOOR = 0.15
HOT_FLOOR = 0.9
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Load:
    """What one burst of gifts was like."""

    sent: int
    seconds: float
    latencies_ms: list[float]

    @property
    def rate(self) -> float:
        return self.sent / self.seconds

    def percentile_ms(self, percent: int) -> float:
        return round(statistics.quantiles(self.latencies_ms, n=100)[percent - 1], 1)


class Crowd:
    """A thousand viewers with coins and tokens, who give as fast as they are answered."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._address = urlsplit(system.gateway_url)
        self._numbers = count()
        run = uuid4().hex[:6]
        self.viewers = [f"viewer-{run}-{number}" for number in range(VIEWERS)]
        self._tokens = _tokens(system, self.viewers)
        self._run = run

    async def fund(self) -> None:
        """Let every viewer buy coins: through the API, the pay page and the provider's webhooks."""
        slots = asyncio.Semaphore(BUYERS_AT_ONCE)
        limits = httpx.Limits(max_connections=BUYERS_AT_ONCE)
        async with httpx.AsyncClient(
            base_url=self._system.gateway_url, limits=limits, timeout=30
        ) as client:
            await asyncio.gather(
                *(self._buy(client, slots, number) for number in range(len(self.viewers)))
            )
        like = f"viewer-{self._run}-%"
        query = f"SELECT count(*) FROM accounts WHERE user_id LIKE '{like}' AND balance > 0"
        await self._until(lambda: self._number("wallet", query) == VIEWERS)

    async def _buy(self, client: httpx.AsyncClient, slots: asyncio.Semaphore, number: int) -> None:
        async with slots:
            headers = {
                "Authorization": f"Bearer {self._tokens[number]}",
                "Idempotency-Key": f"{self._run}-{number}",
            }
            async with asyncio.timeout(FINISH_SECONDS_MAX):
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

    async def give(self, *, open_requests: int, creators: int, seconds: float) -> Load:
        """Keep so many requests open for so long, then wait until every gift.sent is published."""
        latencies: list[float] = []
        started = time.perf_counter()
        deadline = started + seconds
        await asyncio.gather(
            *(self._client(deadline, creators, latencies) for _ in range(open_requests))
        )
        empty = "SELECT count(*) FROM outbox"
        await self._until(lambda: self._number("gift", empty) == 0)
        return Load(len(latencies), time.perf_counter() - started, latencies)

    async def give_until_booked(self, *, creators: int) -> float:
        """Return the gifts a second, counted until payout has booked the diamonds of all."""
        gifts = "SELECT count(*) FROM outcomes WHERE reference LIKE 'gift:%'"
        before = self._number("payout", gifts)
        started = time.perf_counter()
        load = await self.give(open_requests=256, creators=creators, seconds=SECONDS / 2)
        await self._until(lambda: self._number("payout", gifts) >= before + load.sent)
        return load.sent / (time.perf_counter() - started)

    async def give_steadily(
        self,
        *,
        rate: float,
        seconds: float,
        connections: int,
        creators: int = SPREAD_CREATORS,
        gift_type: str = GIFT_TYPE,
        wait: bool = False,
    ) -> dict[str, float]:
        """
        Offer so many gifts a second; return when each was accepted.

        Accepted is whatever becomes of it; or, to who wants to `wait`, that it was sent.
        """
        prefer = b"" if wait else b"Prefer: respond-async\r\n"
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
                request = self._request(next(self._numbers), creators, gift_type)
                writer.write(request.replace(b"\r\n", b"\r\n" + prefer, 1))
                status, body = await answer(reader)
                if status not in wanted:
                    raise RuntimeError(f"a gift was answered {status}")
                accepted[json.loads(body)["gift"]] = time.perf_counter()
            writer.close()

        await asyncio.gather(*(client() for _ in range(connections)))
        return accepted

    async def _client(self, deadline: float, creators: int, latencies: list[float]) -> None:
        """One connection, one request at a time; raw streams cost a tenth of a client library."""
        reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        try:
            while time.perf_counter() < deadline:
                number = next(self._numbers)
                writer.write(self._request(number, creators))
                asked = time.perf_counter()
                status, _ = await answer(reader)
                if status == 201:
                    latencies.append((time.perf_counter() - asked) * 1000)
                elif status != 202:
                    raise RuntimeError(f"a gift was answered {status}")
        finally:
            writer.close()

    def room(self, *, creators: int, creator: int = 0) -> str:
        """Name the room of one of so many creators."""
        return f"room-{self._run}-{creators}-{creator}"

    def _request(self, number: int, creators: int, gift_type: str = GIFT_TYPE) -> bytes:
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
            f"Authorization: Bearer {token}\r\nIdempotency-Key: {self._run}-{number}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def _number(self, service: str, query: str) -> int:
        return int(fetch(self._system.postgres.dsn(service), query)[0][0])

    async def _until(self, reached: Callable[[], bool]) -> None:
        deadline = time.perf_counter() + FINISH_SECONDS_MAX
        while not await asyncio.to_thread(reached):
            assert time.perf_counter() < deadline, "the gifts did not settle"
            await asyncio.sleep(0.05)


async def over_http(crowd: Crowd, yardstick: Result) -> list[Result]:
    await crowd.give(open_requests=64, creators=SPREAD_CREATORS, seconds=WARM_UP_SECONDS)
    results = []
    for open_requests in (64, 256):
        load = await crowd.give(
            open_requests=open_requests, creators=SPREAD_CREATORS, seconds=SECONDS
        )
        name = f"gifts over HTTP, {open_requests} open"
        results.append(compared(name, load.rate, "gifts/s", to=yardstick, floor=FLOOR))
        results += [
            Result(f"{name}, p{percent}", load.percentile_ms(percent), "ms") for percent in (50, 99)
        ]
        print(f"  {open_requests} open: {load.rate:,.0f} gifts/s", flush=True)
    return results


async def hot_against_spread(crowd: Crowd) -> list[Result]:
    """Take turns, so that a machine that slows down slows both."""
    rates: dict[int, list[float]] = {1: [], SPREAD_CREATORS: []}
    for _ in range(ROUNDS):
        for creators, measured in rates.items():
            measured.append(await crowd.give_until_booked(creators=creators))
            print(f"  {creators} creators: {measured[-1]:,.0f} gifts/s", flush=True)
    spread = Result(
        "gifts to spread creators, booked", statistics.median(rates[SPREAD_CREATORS]), "gifts/s"
    )
    hot = statistics.median(rates[1])
    return [
        spread,
        compared("gifts to one creator, booked", hot, "gifts/s", to=spread, floor=HOT_FLOOR),
    ]


def _tokens(system: System, viewers: list[str]) -> list[str]:
    with httpx.Client(base_url=system.issuer_url) as client:
        return [
            client.post("/token", json={"sub": viewer, "age_verified": ADULT_YEARS}).json()[
                "access_token"
            ]
            for viewer in viewers
        ]


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith("content-length:"))
    return int(lines[0].split(" ")[1]), await reader.readexactly(length)
