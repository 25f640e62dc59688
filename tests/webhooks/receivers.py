"""A receiver of webhooks, as a team would run one: it remembers what came, and answers."""

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web
from standardwebhooks.webhooks import Webhook


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    headers: dict[str, str]
    body: bytes
    at: datetime

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def document(self):
        return json.loads(self.body)

    def verify(self, secret):
        """Verify it as the official library does; raises if it is not signed with the secret."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """
    An HTTP server on this machine.

    `answer` gets a request and returns a status, or a response. `taken` has what was answered with
    a status of 2xx, in the order in which the answers were decided.
    """

    answer: object = lambda _: 204
    received: list[Received] = field(default_factory=list)
    taken: list[Received] = field(default_factory=list)
    at_once: int = 0
    at_once_max: int = 0
    # What a handler waits for that never answers.
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, certificate=None):
        self._runner = web.ServerRunner(web.Server(self._receive), shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=certificate)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}/events"
        return self

    async def stop(self):
        self.stopped.set()
        await self._runner.cleanup()

    async def _receive(self, request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        got = Received(headers, await request.read(), datetime.now(UTC))
        self.received.append(got)
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        try:
            answer = self.answer(got)
            if asyncio.iscoroutine(answer):
                answer = await answer
            response = web.Response(status=answer) if isinstance(answer, int) else answer
            if 200 <= response.status < 300:
                self.taken.append(got)
            return response
        finally:
            self.at_once -= 1

    def times_taken(self):
        """How often each event was taken, by its id."""
        return Counter(each.id for each in self.taken)

    def taken_by_subject(self):
        """What was taken, by subject, in order."""
        found = defaultdict(list)
        for each in self.taken:
            found[each.document["subject"]].append(each.document)
        return found
