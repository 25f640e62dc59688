"""Coins bought in Google Play: purchase tokens, pushes, voided purchases and reviews."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from services.purchase import jobs
from services.purchase.domain.methods import Method, Methods
from services.purchase.main import build_http
from services.purchase.providers import Consumption, ProviderRejected, ProviderUnavailable, Stores
from services.purchase.providers.google_access import AccessTokens, PushVerifier, ServiceAccount
from services.purchase.providers.google_play import GooglePlayProvider, client_of
from shared.prices.packages import Channel
from tests.clients import a_token, a_verifier, served
from tests.clients import client_of as http_client
from tests.deliveries import announced
from tests.fakes.google_play.contract import CONSUME, GET_PRODUCT_2
from tests.fakes.google_play.objects import Price
from tests.fakes.google_play.vendor import GooglePlay
from tests.fakes.webhooks import Endpoint
from tests.purchase.conftest import RULES

PRICES = {"coins_100": Price("KWD", 1_250, 250), "other": Price("USD", 129, 30)}
METHODS = Methods((Method("store", "play", Channel.ANDROID, products={"coins_100": "coins_100"}),))
DAY = 86_400
AUDIENCE = "https://ovation.example/webhooks"


@pytest.fixture
async def play():
    async with GooglePlay(prices=PRICES, audience=AUDIENCE) as fake:
        yield fake


def a_provider(play, *, is_live=True):
    listed = play.service_account()
    account = ServiceAccount(listed["client_email"], listed["private_key"], listed["token_uri"])
    return GooglePlayProvider(
        name="play",
        package=play.package,
        tokens=AccessTokens(account, client_of(account.token_url), clock=play.now),
        pushes=PushVerifier(
            audience=AUDIENCE,
            account="push@example.iam.gserviceaccount.com",
            client=client_of(f"{play.url}/oauth2/v3/certs"),
            clock=play.now,
        ),
        url=play.url,
        is_live=is_live,
    )


@pytest.mark.parametrize("indent", [None, 2])
def test_the_first_of_two_key_files_counts(play, indent):
    newest, before = (
        json.dumps(play.service_account() | {"client_email": email}, indent=indent)
        for email in ("new@example.com", "before@example.com")
    )

    assert ServiceAccount.read(f"{newest}\n{before}\n").email == "new@example.com"


@pytest.fixture
async def provider(play):
    opened = a_provider(play)
    yield opened
    await opened.close()


@pytest.fixture
async def app(database, provider, play, violations):
    rules = replace(RULES, methods=METHODS)
    made = build_http(database, a_verifier(), {"play": provider}, rules)
    async with served(httpx.ASGITransport(made)) as url:
        endpoint = Endpoint(f"{url}/v1/webhooks/play/payments", AUDIENCE)
        play.webhooks.endpoints.append(endpoint)
        yield made
        await play.webhooks.wait_until_delivered()
        assert await violations() == []


@pytest.fixture
def order(bought):
    return lambda: bought(channel="android")


@pytest.fixture
def claim(app):
    async def claim_one(purchase, token):
        async with http_client(app, a_token("mira")) as client:
            return await client.post(f"/v1/purchases/{purchase}/claim", json={"token": token})

    return claim_one


@pytest.fixture
def names(database, play):
    """The names of what was published once all pushes have arrived."""

    async def read_names():
        await play.webhooks.wait_until_delivered()
        return [fact["name"].removeprefix("purchase.") for fact in await announced(database)]

    return read_names


@pytest.fixture
def accept(database, provider):
    return lambda: jobs.accept_due(database, {"play": provider})


def held(play):
    """What Google holds for us, by currency: its books add up to that."""
    return {currency: sum(lines.values()) for currency, lines in play.books().items()}


async def test_a_token_buys_at_the_price_of_the_order(order, play, claim, rows):
    purchase = await order()

    said = (await claim(purchase, play.buy("coins_100", purchase))).json()

    assert (said["state"], said["amount_minor"], said["currency"]) == ("paid", 1_250, "KWD")
    (clearing,) = await rows(
        "SELECT sum(amount)::integer AS n FROM postings WHERE account = '@provider_clearing'"
    )
    assert held(play) == {"KWD": clearing["n"]}


async def test_an_app_that_dies_is_credited_by_the_push(order, play, names):
    purchase = await order()
    play.buy("coins_100", purchase)

    assert await names() == ["paid"]


async def test_what_waits_for_cash_is_credited_once_it_is_paid(order, play, claim, names, read):
    purchase = await order()
    token = play.buy("coins_100", purchase, is_pending=True)
    assert (await claim(purchase, token)).json()["state"] == "created"
    assert await names() == []

    play.complete_pending(token)
    assert await names() == ["paid"]
    assert (await read(purchase))["amount_minor"] == 1_250


async def test_what_is_never_paid_fails(order, play, claim, names):
    purchase = await order()
    token = play.buy("coins_100", purchase, is_pending=True)
    await claim(purchase, token)
    play.cancel_pending(token)

    assert await names() == ["failed"]


async def test_a_token_of_another_purchase_is_refused(order, play, claim, names):
    purchase = await order()
    play.late()
    tokens = [play.buy("coins_100", uuid4().hex), play.buy("coins_100", None), "unknown", "GPA.1"]

    answers = [await claim(purchase, token) for token in tokens]

    assert [each.json()["code"] for each in answers] == ["token-refused"] * len(tokens)
    play.release()
    assert await names() == []


async def test_a_test_purchase_credits_no_real_coins(order, play, claim, names):
    """A tester pays nothing: not by a claim, and not by the push either."""
    purchase = await order()
    token = play.buy("coins_100", purchase, is_test=True)

    refused = await claim(purchase, token)

    assert (refused.status_code, refused.json()["reason"]) == (422, "test-purchase")
    assert await names() == ["failed"]


async def test_a_real_purchase_credits_no_practice_coins(play):
    practice = a_provider(play, is_live=False)
    bought, tried = play.buy("coins_100", "p1"), play.buy("coins_100", "p1", is_test=True)

    assert (await practice.read(bought)).status.value == "cancelled"
    assert (await practice.read(tried)).status.value == "succeeded"
    await practice.close()


@pytest.mark.parametrize("wrong", [{"product": "other"}, {"quantity": 2}])
async def test_another_product_is_not_credited(order, play, claim, wrong):
    purchase = await order()
    about = {"product": "coins_100", **wrong}

    said = (await claim(purchase, play.buy(about.pop("product"), purchase, **about))).json()

    assert said["state"] == "mismatched"


async def test_what_is_accepted_is_not_refunded_after_three_days(
    order, play, claim, credit, accept, names
):
    purchase = await order()
    await claim(purchase, play.buy("coins_100", purchase))
    await credit(purchase)
    await accept()
    play.skew(4 * DAY)
    play.refund_unacknowledged()

    assert await names() == ["paid", "completed"]


async def test_what_nobody_accepted_is_money_that_went_back(order, play, claim, names, balances):
    purchase = await order()
    await claim(purchase, play.buy("coins_100", purchase))
    play.skew(3 * DAY + 60)
    play.refund_unacknowledged()

    assert await names() == ["paid", "disputed", "dispute_closed"]
    assert held(play) == {"KWD": 0}
    assert "provider_clearing" not in await balances()


async def test_a_lost_answer_is_accepted_again_once(order, play, claim, credit, provider):
    purchase = await order()
    await claim(purchase, play.buy("coins_100", purchase))
    (bought,) = play.purchases.values()
    play.lose_answer(operation=CONSUME)
    with pytest.raises(ProviderUnavailable):
        await provider.accept(bought.order_id)
    await provider.accept(bought.order_id)

    assert bought.is_consumed


async def test_what_went_back_cannot_be_accepted(order, play, claim, provider):
    purchase = await order()
    token = play.buy("coins_100", purchase)
    await claim(purchase, token)
    play.void(token)

    with pytest.raises(ProviderRejected, match="voided"):
        await provider.accept(play.purchases[token].order_id)


async def test_a_chargeback_is_found_without_its_push(order, play, claim, provider, names):
    purchase = await order()
    token = play.buy("coins_100", purchase)
    await claim(purchase, token)
    await names()
    play.lose_webhooks(100)
    play.void(token)

    (event,) = [each async for each in provider.missed(*last_hour())]

    assert (event.payment, event.reference) == (token, purchase)
    play.webhooks.endpoints.clear()


async def test_a_token_that_google_does_not_show_hides_no_other_chargeback(
    order, play, claim, provider, names
):
    purchase = await order()
    token = play.buy("coins_100", purchase)
    await claim(purchase, token)
    await names()
    play.lose_webhooks(100)
    play.void(token)
    play.void(play.buy("coins_100", purchase))
    play.fail(500, operation=GET_PRODUCT_2)

    first, second = [each async for each in provider.missed(*last_hour())]

    assert (first.payment, first.reference) == (token, None)
    assert second.reference == purchase
    play.webhooks.endpoints.clear()


async def test_a_push_of_another_account_of_google_is_refused(order, play, names):
    purchase = await order()
    play.buy("coins_100", purchase)
    await names()
    sent = play.sent[-1]

    async def answer_to(webhook, **about):
        async with httpx.AsyncClient() as client:
            headers = dict(play.sign(webhook, about.get("is_forged", False)))
            made = await client.post(webhook.endpoint.url, content=webhook.body, headers=headers)
            return made.status_code

    assert await answer_to(sent) == 200
    assert await answer_to(sent, is_forged=True) == 401
    other = replace(sent, endpoint=replace(sent.endpoint, secret="https://elsewhere.example"))
    assert await answer_to(other) == 401
    play.push_account = "mallory@example.iam.gserviceaccount.com"
    assert await answer_to(sent) == 401


async def test_a_test_push_is_taken(app, play, names):
    play.test_notification()

    assert await names() == []
    assert play.sent[-1].is_delivered


async def test_a_review_is_answered_with_the_share_that_was_used(play, provider):
    token = play.buy("coins_100", "p1")
    review = play.ask_review(token)
    order = play.purchases[token].order_id

    await provider.answer(order, review, Consumption(100, 24, True, True))

    (told,) = play.reviews[review].answers
    assert told["consumptionPercentageMilliunits"] == 24_000
    assert told["refundPreference"] == "NEUTRAL"


async def test_a_review_that_is_over_is_rejected(play, provider):
    token = play.buy("coins_100", "p1")
    review = play.ask_review(token)
    order = play.purchases[token].order_id
    play.skew(DAY + 60)
    with pytest.raises(ProviderRejected, match="review-refused"):
        await provider.answer(order, review, Consumption(100, 24, True, True))


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_without_a_usable_answer_the_claim_is_made_again(order, play, claim, status):
    purchase = await order()
    play.late()
    token = play.buy("coins_100", purchase)
    play.fail(status)

    assert (await claim(purchase, token)).status_code == 503
    assert (await claim(purchase, token)).json()["state"] == "paid"
    play.release()


async def test_only_google_refunds(provider):
    with pytest.raises(ProviderRejected, match="the-store-refunds"):
        await provider.refund("GPA.1", uuid4(), amount_minor=1)


def test_google_play_is_a_store(provider):
    assert isinstance(provider, Stores)


def last_hour():
    now = datetime.now(UTC)
    return now - timedelta(hours=1), now
