"""The webhooks' secret is replaced while webhooks come: none is refused, none is lost."""

import asyncio
from itertools import cycle

import httpx
import pytest

from deploy.config.environment import new_webhook_secret
from services.purchase.main import build_http
from services.purchase.providers.sandbox import SandboxProvider
from services.sandbox.webhooks import Webhooks
from tests.clients import a_verifier
from tests.purchase.conftest import RULES

OLD, NEW = new_webhook_secret(), new_webhook_secret()
BOTH = f"{NEW}\n{OLD}"
PAUSE_SECONDS = 0.002
STEP_SECONDS = 0.3
FINISH_SECONDS_MAX = 60


class Instances(httpx.AsyncBaseTransport):
    """Where webhooks arrive: at one instance after the other; keeps what they answered."""

    def __init__(self):
        self.answers = []

    def run(self, *apps):
        self._apps = cycle(apps)

    async def handle_async_request(self, request):
        answer = await next(self._apps).handle_async_request(request)
        self.answers.append(answer.status_code)
        return answer


@pytest.fixture
async def knowing(database, provider_url):
    """Build instances of purchase, all on one database, by the secret they know."""
    providers = {}

    def build(secret):
        provider = providers[secret] = SandboxProvider(
            url=provider_url, api_key="key", webhook_secret=secret
        )
        return httpx.ASGITransport(build_http(database, a_verifier(), {"sandbox": provider}, RULES))

    yield {secret: build(secret) for secret in (OLD, BOTH, NEW)}
    for provider in providers.values():
        await provider.close()


@pytest.fixture
async def provider_signs():
    """A provider that goes on sending webhooks, signed as it is told from now on."""
    instances, senders, sent = Instances(), [], []
    url = "http://purchase/v1/webhooks/sandbox/payments"

    def sign_with(secret):
        senders.append(
            Webhooks(
                payments_secret=secret,
                transfers_secret=new_webhook_secret(),
                payments_url=url,
                transfers_url=url,
                transport=instances,
            )
        )

    async def go_on():
        while True:
            sent.append(f"pay_{len(sent)}")
            senders[-1].publish("payment.succeeded", {"id": sent[-1]})
            await asyncio.sleep(PAUSE_SECONDS)

    sign_with(OLD)
    yield instances, sign_with, go_on, sent
    for sender in senders:
        await sender.close()


@pytest.mark.parametrize("first", ["purchase", "provider"])
async def test_whoever_learns_of_it_first_no_webhook_is_refused(
    knowing, provider_signs, rows, first
):
    instances, sign_with, go_on, sent = provider_signs
    instances.run(knowing[OLD])
    rolling = [
        lambda: instances.run(knowing[OLD], knowing[BOTH]),
        lambda: instances.run(knowing[BOTH]),
    ]
    telling = [lambda: sign_with(BOTH)]
    forgetting = [
        lambda: sign_with(NEW),
        lambda: instances.run(knowing[BOTH], knowing[NEW]),
        lambda: instances.run(knowing[NEW]),
    ]
    order = [*rolling, *telling] if first == "purchase" else [*telling, *rolling]
    going_on = asyncio.create_task(go_on())

    for step in (*order, *forgetting):
        await asyncio.sleep(STEP_SECONDS)
        # Nothing signed for the step before is still on its way: a provider waits longer.
        before = len(sent)
        async with asyncio.timeout(FINISH_SECONDS_MAX):
            while len(instances.answers) < before:
                await asyncio.sleep(0.01)
        step()
    await asyncio.sleep(STEP_SECONDS)
    going_on.cancel()
    async with asyncio.timeout(FINISH_SECONDS_MAX):
        while len(instances.answers) < len(sent):
            await asyncio.sleep(0.01)

    assert set(instances.answers) == {200}
    kept = await rows("SELECT payment FROM webhook_events")
    assert sorted(row["payment"] for row in kept) == sorted(sent)
    print(f"{len(sent)} webhooks, none refused")
