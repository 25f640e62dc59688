"""A vendor that is asked over HTTP: a fake that its contract judges, and that can go wrong."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import aiohttp

from services.payout.providers import Provider
from tests.fakes.base import Fake
from tests.fakes.webhooks import Endpoint
from tests.payout.providers.driver import Action, Driver

# Only an answer that never comes takes so long, however busy the machine is.
PATIENT_SECONDS = 300.0
# Shorter than the answers that come too late.
IMPATIENT_SECONDS = 1.0


class HttpDriver(Driver):
    """A fake vendor and our adapter for it; `start` sets `fake` too."""

    # The vendor's word for each action.
    operations: ClassVar[dict[Action, str]]
    fake: Fake

    @abstractmethod
    def build(self, answer_seconds_max: float) -> Provider:
        """Build our adapter, which waits so long for an answer."""

    @asynccontextmanager
    async def impatient(self) -> AsyncIterator[None]:
        patient, self.provider = self.provider, self.build(IMPATIENT_SECONDS)
        try:
            yield
        finally:
            await self.provider.close()
            self.provider = patient

    @abstractmethod
    def endpoint(self, webhooks: str) -> Endpoint:
        """Return what sends webhooks to this address."""

    async def stop(self) -> None:
        await self.provider.close()
        await self.fake.stop()

    def connect(self, gateway: str) -> None:
        webhooks = f"{gateway}/v1/webhooks/{self.name}/transfers"
        self.fake.webhooks.endpoints.append(self.endpoint(webhooks))

    async def deliver(self) -> None:
        await self.fake.webhooks.wait_until_delivered()

    def lose_answer(self, action: Action, times: int = 1) -> None:
        self.fake.lose_answer(times, operation=self.operations[action])

    def stall(self, action: Action, seconds: float, times: int = 1) -> None:
        self.fake.stall(seconds, times, operation=self.operations[action])

    def fail(self, action: Action, status: int, times: int = 1, *, is_done: bool = False) -> None:
        self.fake.fail(status, times, operation=self.operations[action], is_done=is_done)

    def hold_webhooks(self, *, shuffled: bool = False) -> None:
        if shuffled:
            self.fake.reorder()
        else:
            self.fake.late()

    def release_webhooks(self) -> None:
        self.fake.release()

    def repeat_webhooks(self, times: int) -> None:
        self.fake.repeat(times)

    def lose_webhooks(self, times: int) -> None:
        self.fake.lose_webhooks(times)

    async def forge(self) -> int:
        return await self.fake.forge()

    async def send_old(self) -> int:
        webhook = self.fake.sent[-1]
        self.fake.skew(-600)
        headers = self.fake.sign(webhook, False)
        self.fake.skew(0)
        async with (
            aiohttp.ClientSession() as session,
            session.post(webhook.endpoint.url, data=webhook.body, headers=headers) as answer,
        ):
            return answer.status
