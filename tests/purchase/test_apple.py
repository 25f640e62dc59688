"""Coins bought in the App Store: its signed transactions, its notifications and its questions."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from appstoreserverlibrary.api_client import AsyncAppStoreServerAPIClient
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier

from services.purchase import jobs
from services.purchase.domain.methods import Method, Methods
from services.purchase.main import build_http
from services.purchase.providers import Consumption, ProviderRejected, Stores
from services.purchase.providers.apple import AppleProvider, build
from shared.prices.packages import Channel
from shared.vendors.installations import Installation
from tests.clients import a_token, a_verifier, client_of, served
from tests.deliveries import announced
from tests.fakes.apple.objects import Price, forged, signed_by
from tests.fakes.apple.vendor import Apple
from tests.fakes.apple.verbs import SANDBOX
from tests.fakes.webhooks import Endpoint
from tests.purchase.conftest import RULES

PRICES = {"coins_100": Price("JPY", 160_000, "JPN"), "other": Price("USD", 990)}
METHODS = Methods((Method("store", "appstore", Channel.IOS, products={"coins_100": "coins_100"}),))
SINCE = timedelta(hours=1)


@pytest.fixture
async def apple():
    async with Apple(prices=PRICES) as fake:
        yield fake


@pytest.fixture
async def provider(apple):
    client = AsyncAppStoreServerAPIClient(
        apple.signing_key, apple.key_id, apple.issuer_id, apple.bundle, Environment.PRODUCTION
    )
    # The library has no way to say the address.
    client._base_url = apple.url  # noqa: SLF001
    verifier = SignedDataVerifier(
        [apple.root], False, Environment.PRODUCTION, apple.bundle, apple.app
    )
    opened = AppleProvider(name="appstore", verifier=verifier, client=client)
    yield opened
    await opened.close()


@pytest.fixture
async def app(database, provider, apple, violations):
    rules = replace(RULES, methods=METHODS)
    made = build_http(database, a_verifier(), {"appstore": provider}, rules)
    async with served(httpx.ASGITransport(made)) as url:
        endpoint = Endpoint(f"{url}/v1/webhooks/appstore/payments", "")
        apple.webhooks.endpoints.append(endpoint)
        yield made
        await apple.webhooks.wait_until_delivered()
        assert await violations() == []


@pytest.fixture
def order(bought):
    return lambda: bought(channel="ios")


@pytest.fixture
def claim(app):
    async def claim_one(purchase, token):
        async with client_of(app, a_token("mira")) as client:
            return await client.post(f"/v1/purchases/{purchase}/claim", json={"token": token})

    return claim_one


@pytest.fixture
def names(database, apple):
    """The names of what was published once all notifications have arrived."""

    async def read_names():
        await apple.webhooks.wait_until_delivered()
        return [fact["name"].removeprefix("purchase.") for fact in await announced(database)]

    return read_names


def last(apple):
    return list(apple.transactions)[-1]


async def test_a_signed_transaction_buys_at_the_price_of_the_storefront(order, apple, claim):
    purchase = await order()

    said = (await claim(purchase, apple.buy("coins_100", purchase))).json()

    assert (said["state"], said["amount_minor"], said["currency"]) == ("paid", 160, "JPY")


async def test_a_notification_that_cannot_be_read_is_one_whatever_is_around_it(provider, apple):
    """Only the payload is signed: who has one could otherwise fill the table and the archive."""
    identifier = str(uuid4())
    signed = signed_by({"notificationUUID": identifier, "data": {"status": "odd"}}, "Apple")
    again = signed_by({"notificationUUID": identifier, "data": {"status": "odd"}}, "Apple")
    assert signed != again
    bodies = [
        json.dumps({"signedPayload": each, "more": more}).encode()
        for each in (signed, again)
        for more in range(3)
    ]

    events = [event for body in bodies for event in await provider.parse_webhook({}, body)]

    assert {event.kind for event in events} == {"unreadable"}
    assert len({event.webhook_id for event in events}) == 1


async def test_an_app_that_dies_is_credited_by_the_notification(order, apple, names, read):
    purchase = await order()
    apple.buy("coins_100", purchase)

    assert await names() == ["paid"]
    assert (await read(purchase))["state"] == "paid"


async def test_what_apple_did_not_sign_for_this_purchase_is_refused(order, apple, claim, names):
    purchase, other = await order(), str(uuid4())
    apple.late()
    refused = [
        forged(apple.buy("coins_100", purchase)),
        apple.buy("coins_100", other),
        apple.buy("coins_100", None),
        apple.buy("coins_100", purchase, environment=SANDBOX),
        apple.buy("coins_100", purchase, bundle="com.example.other"),
        "not.signed.atall",
    ]

    answers = [await claim(purchase, token) for token in refused]

    assert [each.json()["code"] for each in answers] == ["token-refused"] * len(refused)
    assert [each.status_code for each in answers] == [422] * len(refused)
    apple.webhooks.endpoints.clear()
    assert await names() == []


@pytest.mark.parametrize("wrong", [{"product": "other"}, {"quantity": 2}])
async def test_another_product_is_not_credited(order, apple, claim, wrong):
    purchase = await order()
    about = {"product": "coins_100", **wrong}

    said = (await claim(purchase, apple.buy(about.pop("product"), purchase, **about))).json()

    assert said["state"] == "mismatched"


async def test_a_refund_is_money_that_went_back_until_apple_reverses_it(
    order, apple, claim, names, credit
):
    purchase = await order()
    await claim(purchase, apple.buy("coins_100", purchase))
    await credit(purchase)

    apple.refund(last(apple))
    assert await names() == ["paid", "completed", "disputed", "dispute_closed"]

    apple.reverse_refund(last(apple))
    assert (await names())[4:] == ["dispute_closed"]


async def test_a_token_from_before_a_refund_brings_nothing_back(order, apple, claim, names, credit):
    """It proves what was bought, and not what became of it."""
    purchase = await order()
    token = apple.buy("coins_100", purchase)
    await claim(purchase, token)
    await credit(purchase)
    apple.refund(last(apple))
    before = await names()

    await claim(purchase, token)

    assert await names() == before


async def test_a_part_that_is_refunded_is_a_part_that_went_back(
    order, apple, claim, names, database
):
    purchase = await order()
    await claim(purchase, apple.buy("coins_100", purchase))
    apple.refund(last(apple), 25_000)
    await names()

    (disputed,) = [it for it in await announced(database) if it["name"] == "purchase.disputed"]
    assert (disputed["amount_minor"], disputed["currency"]) == (40, "JPY")


async def test_a_forged_notification_is_refused(order, apple, names):
    purchase = await order()
    apple.buy("coins_100", purchase)
    await names()

    assert await apple.forge() == 401


async def test_a_notification_of_a_new_kind_and_a_test_are_taken(app, apple, names):
    apple.send_test()
    apple.send_unknown()

    assert await names() == []
    assert [webhook.is_delivered for webhook in apple.sent] == [True, True]


async def test_lost_notifications_are_listed(order, apple, provider):
    purchase = await order()
    apple.lose_webhooks(100)
    apple.buy("coins_100", purchase)

    now = datetime.now(UTC)
    (event,) = [each async for each in provider.missed(now - SINCE, now)]

    assert (event.kind, event.reference) == ("one_time_charge", purchase)
    assert event.payment == last(apple)
    apple.webhooks.endpoints.clear()


async def test_a_transaction_is_finished_once_the_coins_are_there(
    order, apple, claim, credit, database, provider
):
    purchase = await order()
    await claim(purchase, apple.buy("coins_100", purchase))
    await credit(purchase)
    apple.lose_answer()
    await jobs.accept_due(database, {"appstore": provider})
    await provider.accept(last(apple))

    assert apple.transactions[last(apple)].is_finished


async def test_only_apple_refunds(provider):
    with pytest.raises(ProviderRejected, match="the-store-refunds"):
        await provider.refund("1", uuid4(), amount_minor=1)


@pytest.mark.parametrize(
    ("used", "share", "preference"),
    [(0, 0, "GRANT_FULL"), (24, 24_000, "GRANT_PRORATED"), (100, 100_000, "DECLINE")],
)
async def test_apple_is_told_the_share_that_was_used(apple, provider, used, share, preference):
    apple.buy("coins_100", uuid4())
    apple.ask_consumption(last(apple))

    await provider.answer(last(apple), "question", Consumption(100, used, True, True))

    told = apple.transactions[last(apple)].consumption
    assert (told["consumptionPercentage"], told["refundPreference"]) == (share, preference)
    assert (told["customerConsented"], told["deliveryStatus"]) == (True, "DELIVERED")


async def test_without_consent_apple_is_told_nothing(apple, provider):
    apple.buy("coins_100", uuid4())
    apple.ask_consumption(last(apple))

    await provider.answer(last(apple), "question", Consumption(100, 24, False, True))

    assert apple.transactions[last(apple)].consumptions == []


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_without_a_usable_answer_the_claim_is_made_again(order, apple, claim, status):
    purchase = await order()
    apple.late()
    token = apple.buy("coins_100", purchase)
    apple.fail(status)

    assert (await claim(purchase, token)).status_code == 503
    assert (await claim(purchase, token)).json()["state"] == "paid"
    apple.release()


@pytest.mark.parametrize(
    ("environment", "is_live"),
    [("sandbox", True), ("production", False), ("xcode", False), ("local_testing", False)],
)
def test_an_environment_that_does_not_fit_stops_the_service(environment, is_live, tmp_path):
    root = tmp_path / "root.cer"
    root.write_bytes(b"")
    options = {"environment": environment, "app": 1, "bundle": "b", "roots": [str(root)]}

    with pytest.raises(AssertionError, match="environment"):
        build(Installation(service="purchase", name="appstore", options=options, is_live=is_live))


def test_an_app_store_is_a_store(provider):
    assert isinstance(provider, Stores)
