"""The service and the sandbox talk to each other over their real HTTP interfaces."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from deploy.config.environment import new_webhook_secret
from services.purchase.commands.changes import PolledStatus
from services.purchase.commands.payments import apply_statuses
from services.purchase.commands.queries import read_purchase
from services.purchase.main import build_http
from services.purchase.providers.sandbox import SandboxProvider
from services.sandbox import main as sandbox
from services.sandbox.provider import DECLINED_CARD, DISPUTED_CARD, SUCCESS_CARD
from services.sandbox.settings import Settings
from tests.clients import a_verifier, served
from tests.deliveries import announced
from tests.purchase.conftest import GERMANY, RULES
from tests.purchase.pretend import WEBHOOK_SECRET
from tests.purchase.wallet_events import coins_held

ANSWER_SECONDS_MAX = 60
APPLIED = "SELECT 1 FROM webhook_events WHERE applied_at IS NOT NULL"


class Switchboard(httpx.AsyncBaseTransport):
    """Connects the two apps, which each need the other to be built."""

    def __init__(self):
        self.apps = {}

    async def handle_async_request(self, request):
        return await self.apps[request.url.host].handle_async_request(request)


@pytest.fixture
def switchboard():
    return Switchboard()


@pytest.fixture
async def sandbox_url(switchboard):
    async with served(switchboard, host="sandbox") as url:
        yield url


@pytest.fixture
async def provider(sandbox_url):
    opened = SandboxProvider(
        url=sandbox_url,
        api_key="key",
        webhook_secret=WEBHOOK_SECRET,
        return_url="https://app.example/coins?from=room",
    )
    yield opened
    await opened.close()


@pytest.fixture
async def app(database, provider, switchboard):
    app = build_http(database, a_verifier(), {"sandbox": provider}, RULES)
    settings = Settings(
        port=1,
        payments_key="key",
        transfers_key="another key",
        payments_webhook_secret=WEBHOOK_SECRET,
        transfers_webhook_secret=new_webhook_secret(),
        public_url="http://sandbox",
        payments_webhook_url="http://app/v1/webhooks/sandbox/payments",
        transfers_webhook_url="http://app/v1/webhooks/sandbox/transfers",
    )
    practice = sandbox.build(settings, transport=switchboard)
    switchboard.apps = {
        "app": httpx.ASGITransport(app),
        "sandbox": httpx.ASGITransport(practice),
    }
    yield app
    await practice.state.webhooks.close()


@pytest.fixture
async def browser(switchboard):
    async with httpx.AsyncClient(transport=switchboard, base_url="http://sandbox") as client:
        client.headers["Authorization"] = "Bearer key"
        yield client


@pytest.fixture
def pay_with(buy, browser):
    """Buy, and pay on the sandbox's page with a card."""

    async def buy_and_pay(card, **about):
        purchase = (await buy(**about)).json()
        answer = await browser.post(purchase["next_action"]["url"], data={"card": card})
        # Paid or declined: where one comes back to is told which purchase to look up.
        back = f"https://app.example/coins?from=room&purchase={purchase['purchase']}"
        assert answer.headers["location"] == back
        return purchase["purchase"]

    return buy_and_pay


@pytest.fixture
def heard(database):
    """Wait until so many facts are announced; return their names."""

    async def wait_for(count):
        facts = await until(lambda: announced(database), count)
        return [fact["name"] for fact in facts]

    return wait_for


async def until(look, count):
    """Look until there is as much to see as expected: webhooks come in their own time."""
    async with asyncio.timeout(ANSWER_SECONDS_MAX):
        seen = await look()
        while len(seen) < count:
            await asyncio.sleep(0.02)
            seen = await look()
    return seen


async def test_a_good_card_pays_and_every_webhook_again_changes_nothing(
    pay_with, heard, browser, rows
):
    await pay_with(SUCCESS_CARD)
    assert await heard(1) == ["purchase.paid"]

    for event in (await browser.get("/events")).json()["items"]:
        await browser.post(f"/events/{event['id']}/redeliver")
    await asyncio.sleep(0.1)

    assert await heard(1) == ["purchase.paid"]
    assert len(await rows(APPLIED)) == 1


async def test_two_purchases_with_one_card_have_one_fingerprint(pay_with, heard, database):
    bought = [
        await pay_with(SUCCESS_CARD + owner, key=f"key-{number}")
        for number, owner in enumerate(("-mira", "-mira", "-lea", ""))
    ]
    assert await heard(4) == ["purchase.paid"] * 4

    paid = {each["purchase"]: each["payment_fingerprint"] for each in await announced(database)}
    mira, again, lea, anybodys = (paid[purchase] for purchase in bought)

    assert mira == again != lea
    assert anybodys is None


async def test_a_payment_asked_for_with_another_return_address_is_found_and_not_refused(
    buy, database, sandbox_url
):
    """An upgrade, or a new setting, may come between asking and hearing the answer."""
    purchase = (await buy()).json()
    async with database.transaction() as tx:
        known = await read_purchase(tx, "mira", UUID(purchase["purchase"]))
    later = SandboxProvider(
        url=sandbox_url,
        api_key="key",
        webhook_secret=WEBHOOK_SECRET,
        return_url="https://other.example/coins",
    )

    payment = await later.create(known)
    await later.close()

    assert payment.pay_url == purchase["next_action"]["url"]
    assert payment.reference == purchase["purchase"]


async def test_a_declined_card_fails_the_purchase_and_cancels_the_payment(
    pay_with, heard, browser, read
):
    purchase = await pay_with(DECLINED_CARD)

    assert await heard(1) == ["purchase.failed"]
    assert (await read(purchase))["state"] == "failed"
    payments = await browser.get("/payments", params={"reference": purchase})
    assert [payment["status"] for payment in payments.json()["items"]] == ["cancelled"]


async def test_a_disputed_card_pays_and_is_disputed_and_the_bank_decides(
    pay_with, heard, browser, database
):
    purchase = await pay_with(DISPUTED_CARD)
    assert await heard(2) == ["purchase.paid", "purchase.disputed"]

    payments = await browser.get("/payments", params={"reference": purchase})
    (dispute,) = payments.json()["items"][0]["disputes"]
    await browser.post(f"/disputes/{dispute['id']}/close", json={"won": True})

    assert (await heard(3))[2] == "purchase.dispute_closed"
    assert (await announced(database))[2]["won"] is True


async def test_an_unpaid_purchase_expires_and_can_no_longer_be_paid(buy, wait, heard, browser):
    purchase = (await buy()).json()

    await wait(minutes=31)

    assert await heard(1) == ["purchase.expired"]
    too_late = await browser.post(
        purchase["next_action"]["url"],
        data={"card": SUCCESS_CARD},
        headers={"Accept": "application/json"},
    )
    assert (too_late.status_code, too_late.json()["code"]) == (409, "not-payable")


async def test_a_refund_made_elsewhere_goes_the_way_of_a_chargeback(
    pay_with, heard, browser, database
):
    purchase = await pay_with(SUCCESS_CARD)
    await heard(1)
    payments = await browser.get("/payments", params={"reference": purchase})
    path = f"/payments/{payments.json()['items'][0]['id']}/refunds"

    await browser.post(path, json={"amount_minor": 99}, headers={"Idempotency-Key": "refund-1"})

    assert await heard(3) == ["purchase.paid", "purchase.disputed", "purchase.dispute_closed"]
    disputed = (await announced(database))[1]
    assert (disputed["reason"], disputed["amount_minor"]) == ("refunded-elsewhere", 99)


async def test_a_warning_is_passed_on(pay_with, heard, browser):
    purchase = await pay_with(SUCCESS_CARD)
    await heard(1)
    payments = await browser.get("/payments", params={"reference": purchase})
    path = f"/payments/{payments.json()['items'][0]['id']}/warnings"

    await browser.post(path, json={})

    assert await heard(2) == ["purchase.paid", "purchase.risk_flagged"]


async def test_a_refund_that_fails_after_it_was_made_is_declined_under_its_id(
    *, pay_with, heard, browser, credit, request_refund, consume, give_back, database
):
    purchase = await pay_with(SUCCESS_CARD, claims=GERMANY)
    await heard(1)
    await credit(purchase)
    refund = (await request_refund(purchase)).json()["refund"]
    await consume(coins_held(purchase, refund, paid=100, bonus=0))
    await give_back()
    assert (await heard(4))[3] == "purchase.refunded"
    payments = await browser.get("/payments", params={"reference": purchase})
    (made,) = payments.json()["items"][0]["refunds"]
    assert made["refund_reference"] == refund

    await browser.post(f"/refunds/{made['id']}/close", json={"succeeded": False})

    assert (await heard(5))[4] == "purchase.refund_declined"
    assert (await announced(database))[4]["reason"] == "failed"


async def test_an_answer_with_a_lower_sequence_is_old_news(
    pay_with, heard, browser, provider, database
):
    """However late it was asked for, as far as our own clocks say."""
    made = await pay_with(SUCCESS_CARD)
    await heard(1)
    payments = await browser.get("/payments", params={"reference": made})
    payment = payments.json()["items"][0]["id"]
    early = await provider.read(payment)
    await browser.post(f"/payments/{payment}/disputes", json={})
    await heard(2)
    async with database.part_for("mira").transaction() as tx:
        purchase = await read_purchase(tx, "mira", UUID(made))
        late = datetime.now(UTC) + timedelta(minutes=1)
        old = replace(early, asked_at=late, answered_at=late, disputes=(), fee_minor=0)
        (applied,) = await apply_statuses(tx, [PolledStatus(purchase, old)])

    assert not applied.is_used
