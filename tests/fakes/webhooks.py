"""A vendor's webhooks: signed, delivered at least once, in an order that a test may choose."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

from aiohttp import ClientError, ClientSession, ClientTimeout

RETRY_SECONDS = (0.1, 0.3, 1, 2, 4, 8, 15, 30, 30, 30)
ANSWER_SECONDS_MAX = 10

ANY = "*"


@dataclass(slots=True)
class Endpoint:
    """Where webhooks of some kinds go, and the secret that signs them."""

    url: str
    secret: str
    kinds: frozenset[str] = frozenset({ANY})
    id: str = ""

    def wants(self, kind: str) -> bool:
        return ANY in self.kinds or kind in self.kinds


@dataclass(slots=True)
class Webhook:
    """One webhook to one endpoint: its bytes, and the status of each attempt (0: no answer)."""

    id: str
    kind: str
    body: bytes
    endpoint: Endpoint
    attempts: list[int] = field(default_factory=list)

    @property
    def is_delivered(self) -> bool:
        return any(200 <= status < 300 for status in self.attempts)


# The headers of an attempt; `is_forged` asks for a signature with another secret.
Sign: TypeAlias = Callable[[Webhook, bool], Mapping[str, str]]


class Webhooks:
    """All webhooks of a fake: `sent` has each that was due, with what became of it."""

    def __init__(self, sign: Sign, *, retry_seconds: tuple[float, ...] = RETRY_SECONDS) -> None:
        self._sign = sign
        self._retry_seconds = retry_seconds
        self._session: ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._queue: asyncio.Queue[Webhook] = asyncio.Queue()
        self._held: list[Webhook] | None = None
        self._shuffled: Random | None = None
        self._repeated = 0
        self._lost = 0
        self._under_way = 0
        self.endpoints: list[Endpoint] = []
        self.sent: list[Webhook] = []

    def start(self, *, workers: int) -> None:
        """Deliver from now on; one worker keeps the order, as long as nothing is repeated."""
        self._session = ClientSession(timeout=ClientTimeout(total=ANSWER_SECONDS_MAX))
        for _ in range(workers):
            self._spawn(self._work())

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    def publish(self, identifier: str, kind: str, body: bytes) -> None:
        """Send to each endpoint that wants this kind."""
        for endpoint in self.endpoints:
            if endpoint.wants(kind):
                webhook = Webhook(identifier, kind, body, endpoint)
                self.sent.append(webhook)
                if self._lost:
                    self._lost -= 1
                elif self._held is not None:
                    self._held.append(webhook)
                else:
                    self._deliver(webhook)

    def repeat(self, times: int) -> None:
        self._repeated += times

    def lose(self, times: int) -> None:
        self._lost += times

    def hold(self, shuffled: Random | None = None) -> None:
        """Keep webhooks until they are released; then in another order, if there is one."""
        self._held = self._held or []
        self._shuffled = shuffled

    def release(self) -> None:
        """Send what was held, and no longer hold."""
        held, self._held = self._held or [], None
        if self._shuffled and len(held) > 1:
            before = list(held)
            while held == before:
                self._shuffled.shuffle(held)
        for webhook in held:
            self._deliver(webhook)

    def send_again(self, identifier: str, endpoints: Collection[str] | None = None) -> None:
        """Send a webhook that was due before, to all endpoints or to those with these ids."""
        for webhook in [each for each in self.sent if each.id == identifier]:
            if endpoints is None or webhook.endpoint.id in endpoints:
                self._deliver(webhook)

    async def forge(self, webhook: Webhook) -> int:
        """Send it with a signature of another secret; return the receiver's status."""
        forged = Webhook(webhook.id, webhook.kind, webhook.body, webhook.endpoint)
        return await self._attempt(forged, is_forged=True)

    async def wait_until_delivered(self, seconds: float = 10) -> None:
        """Wait until each delivery arrived or was given up; what is held does not count."""
        async with asyncio.timeout(seconds):
            while self._under_way:
                await asyncio.sleep(0.005)

    def _deliver(self, webhook: Webhook) -> None:
        times = 1
        if self._repeated:
            self._repeated -= 1
            times = 2
        for _ in range(times):
            self._under_way += 1
            self._queue.put_nowait(webhook)

    async def _work(self) -> None:
        while True:
            webhook = await self._queue.get()
            if await self._arrives(webhook):
                self._under_way -= 1
            else:
                # The others do not wait for a receiver that was away for one of them.
                self._spawn(self._retry(webhook))

    async def _retry(self, webhook: Webhook) -> None:
        for seconds in self._retry_seconds:
            await asyncio.sleep(seconds)
            if await self._arrives(webhook):
                break
        self._under_way -= 1

    async def _arrives(self, webhook: Webhook) -> bool:
        return 200 <= await self._attempt(webhook, is_forged=False) < 300

    async def _attempt(self, webhook: Webhook, *, is_forged: bool) -> int:
        assert self._session is not None, "start the fake first"
        headers = self._sign(webhook, is_forged)
        status = 0
        with suppress(ClientError, TimeoutError, OSError):
            async with self._session.post(
                webhook.endpoint.url, data=webhook.body, headers=headers
            ) as answer:
                await answer.read()
                status = answer.status
        webhook.attempts.append(status)
        return status

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
