"""The sandbox in this process, the shop that asks it for money, and a receiver of its webhooks."""

import asyncio
import base64
import json

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from services.sandbox import main
from services.sandbox.settings import Settings

API_KEY, TRANSFERS_KEY = "key-of-the-shop", "key-of-the-payroll"
WEBHOOK_SECRET = f"whsec_{base64.b64encode(b'a secret of thirty-two bytes ...').decode()}"
TRANSFERS_SECRET = f"whsec_{base64.b64encode(b'another secret of so many bytes.').decode()}"
PUBLIC_URL = "https://pay.example/sandbox"
PAYMENTS_HOST, TRANSFERS_HOST = "purchase.example", "payout.example"
SECONDS_MAX = 60
GOOD_CARD = "4242 4242 4242 4242"


class Receiver(httpx.AsyncBaseTransport):
    """Where webhooks arrive: remembers every delivery, and answers as the test says."""

    def __init__(self):
        self.deliveries = []
        # Answers to give first, a status or an error each; once they are used up, 204.
        self.answers = []
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = 0
        self.waiting_most = 0

    async def handle_async_request(self, request):
        self.deliveries.append(request)
        self.waiting += 1
        self.waiting_most = max(self.waiting_most, self.waiting)
        await self.open.wait()
        self.waiting -= 1
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    @property
    def events(self):
        return [json.loads(request.content) for request in self.deliveries]

    @property
    def types(self):
        return [event["type"] for event in self.events]


@pytest.fixture
def receiver():
    return Receiver()


def settings(**about):
    known = {
        "port": 1,
        "payments_key": API_KEY,
        "transfers_key": TRANSFERS_KEY,
        "payments_webhook_secret": WEBHOOK_SECRET,
        "transfers_webhook_secret": TRANSFERS_SECRET,
        "public_url": PUBLIC_URL,
        "payments_webhook_url": f"http://{PAYMENTS_HOST}/webhooks",
        "transfers_webhook_url": f"http://{TRANSFERS_HOST}/webhooks",
    }
    return Settings(**known | about)


@pytest.fixture
async def app(receiver):
    app = main.build(settings(), transport=receiver)
    yield app
    await app.state.webhooks.close()


@pytest.fixture
async def shop(app):
    """Who asks for money, with the API key."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sandbox", headers=headers
    ) as client:
        yield client


@pytest.fixture
async def payroll(app):
    """Who pays money out, with a key of its own."""
    headers = {"Authorization": f"Bearer {TRANSFERS_KEY}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sandbox", headers=headers
    ) as client:
        yield client


@pytest.fixture
async def browser(app):
    """Who pays: a browser behind the gateway, which knows no key."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sandbox", headers={"Accept": "text/html"}
    ) as client:
        yield client


@pytest.fixture
def ask(shop):
    """Ask for a payment; say only what the test is about."""

    async def ask_for(key="purchase-1", **about):
        wanted = {"amount_minor": 499, "currency": "USD", "reference": "purchase-1", **about}
        return await shop.post("/payments", json=wanted, headers={"Idempotency-Key": key})

    return ask_for


@pytest.fixture
def asked(ask):
    """Ask for a payment and return it."""

    async def ask_for(key="purchase-1", **about):
        answer = await ask(key, **about)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return ask_for


@pytest.fixture
def pay(browser):
    """Pay with a card, on the page."""

    async def pay_on_the_page(payment, card, **headers):
        return await browser.post(f"/pay/{payment['id']}", data={"card": card}, headers=headers)

    return pay_on_the_page


@pytest.fixture
def read(shop, payroll):
    """Read a payment or a transfer again."""

    async def read_again(thing):
        if thing["id"].startswith("pay_"):
            return (await shop.get(f"/payments/{thing['id']}")).json()
        return (await payroll.get(f"/transfers/{thing['id']}")).json()

    return read_again


@pytest.fixture
def delivered(receiver):
    """Wait until so many webhooks arrived; return the events in them."""

    async def wait_for(count):
        async with asyncio.timeout(SECONDS_MAX):
            while len(receiver.deliveries) < count:
                await asyncio.sleep(0.01)
        assert len(receiver.deliveries) == count, receiver.types
        return receiver.events

    return wait_for


@pytest.fixture
def signed():
    """Check a delivery as its receiver would; raises if the signature is not the sandbox's."""

    def verify(request):
        is_transfer = request.url.host == TRANSFERS_HOST
        secret = TRANSFERS_SECRET if is_transfer else WEBHOOK_SECRET
        return Webhook(secret).verify(request.content, dict(request.headers))

    return verify


@pytest.fixture
def paid(asked, pay):
    """Ask for a payment, and pay it."""

    async def ask_and_pay(**about):
        payment = await asked(**about)
        await pay(payment, GOOD_CARD)
        return payment

    return ask_and_pay


@pytest.fixture
def refund(shop):
    async def ask_for_refund(payment, amount_minor, key="refund-1"):
        path = f"/payments/{payment['id']}/refunds"
        wanted = {"amount_minor": amount_minor}
        return await shop.post(path, json=wanted, headers={"Idempotency-Key": key})

    return ask_for_refund


@pytest.fixture
def close_refund(shop):
    async def close(refund, *, succeeded):
        return await shop.post(f"/refunds/{refund}/close", json={"succeeded": succeeded})

    return close


@pytest.fixture
def dispute(shop):
    async def open_dispute(payment, **about):
        return await shop.post(f"/payments/{payment['id']}/disputes", json=about)

    return open_dispute


@pytest.fixture
def close(shop):
    async def close_dispute(dispute, *, won):
        return await shop.post(f"/disputes/{dispute}/close", json={"won": won})

    return close_dispute
