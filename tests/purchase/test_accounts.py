"""What an operator is told of the accounts at vendors, and how webhooks are created there."""

from contextlib import aclosing
from datetime import UTC, datetime

import httpx
import pytest
from appstoreserverlibrary.api_client import AsyncAppStoreServerAPIClient
from appstoreserverlibrary.models.Environment import Environment

from services.purchase.providers import ProviderRejected, ProviderUnavailable
from services.purchase.providers.accounts import ACCOUNTS
from services.purchase.providers.google_access import AccessTokens, ServiceAccount
from services.purchase.providers.google_play import client_of
from services.purchase.providers.installed import KINDS
from services.purchase.providers.paypal_events import EVENTS as PAYPAL_EVENTS
from services.purchase.providers.store_accounts import AppleAccount, GooglePlayAccount
from services.purchase.providers.stripe_events import EVENTS
from shared.vendors.accounts import (
    WebhookAccount,
    WebhookExists,
    build_account,
    clock_ahead,
)
from shared.vendors.installations import Installation
from shared.vendors.paypal_account import PayPalAccount
from shared.vendors.stripe import API_VERSION
from shared.vendors.stripe_account import StripeAccount
from tests.clients import served
from tests.fakes.apple.vendor import Apple
from tests.fakes.google_play.contract import LIST_VOIDED
from tests.fakes.google_play.vendor import GooglePlay
from tests.fakes.paypal.vendor import PayPal
from tests.fakes.stripe.vendor import Stripe

URL = "https://live.example/v1/webhooks/stripe-eu/payments"
CREATE = "POST /v1/webhook_endpoints"


@pytest.fixture
async def stripe():
    async with Stripe() as fake:
        yield fake


@pytest.fixture
async def account(stripe):
    async with aclosing_of(
        StripeAccount(name="stripe-eu", api_key=stripe.api_key, events=EVENTS, url=stripe.url)
    ) as opened:
        yield opened


@pytest.fixture
async def paypal():
    async with PayPal() as fake:
        yield fake


@pytest.fixture
async def taker():
    """An address that takes every webhook."""
    async with served(httpx.MockTransport(lambda _: httpx.Response(200))) as url:
        yield f"{url}/"


def aclosing_of(account):
    account.aclose = account.close
    return aclosing(account)


def of_paypal(fake, *, webhook_id=None, secret=None):
    return aclosing_of(
        PayPalAccount(
            client_id=fake.client,
            client_secret=secret or fake.secret,
            url=fake.url,
            is_live=False,
            events=PAYPAL_EVENTS,
            webhook_id=webhook_id,
        )
    )


def create(account, *, is_known=False, is_replaced=False):
    return account.create_webhook(URL, is_known=is_known, is_replaced=is_replaced)


def test_each_kind_of_provider_has_an_account():
    assert set(ACCOUNTS) == set(KINDS)


def test_a_plug_in_has_an_account_if_its_module_says_so():
    installation = Installation(service="purchase", name="x", options={})
    assert (
        build_account("tests.purchase.plug_in_account:build", installation, ACCOUNTS)
        == "an account of x"
    )
    assert build_account("tests.fakes.faults:Faults", installation, ACCOUNTS) is None


async def test_stripe_says_which_account_it_is_and_that_no_webhook_is_there(stripe, account):
    report = await account.check(URL)

    assert (report.account, report.environment) == (stripe.account, "test")
    assert report.webhook == "none"
    assert report.problems == (f"no webhook endpoint sends to {URL}",)
    assert abs(report.clock_ahead_seconds) <= 2


async def test_a_clock_that_is_wrong_is_a_problem(stripe, account):
    await create(account)
    stripe.skew(-120)

    report = await account.check(URL)

    assert report.clock_ahead_seconds in (-121, -120, -119)
    assert "set this machine's clock" in report.problems[0]


async def test_a_restricted_key_is_told_what_it_has_the_right_to(stripe, account):
    await create(account)
    stripe.fail(403, operation="GET /v1/account")
    assert (await account.check(URL)).problems == ()

    stripe.fail(403, operation="GET /v1/webhook_endpoints")
    report = await account.check(URL)

    assert report.account == stripe.account
    assert report.webhook == "unknown"
    assert "cannot be listed" in report.problems[0]


async def test_a_key_that_is_refused_is_no_report(stripe):
    async with aclosing_of(
        StripeAccount(name="x", api_key="sk_test_no", events=EVENTS, url=stripe.url)
    ) as other:
        with pytest.raises(ProviderUnavailable):
            await other.check(URL)


async def test_a_webhook_of_stripe_sends_exactly_what_we_read_and_is_created_once(stripe, account):
    first = await create(account)
    again = await create(account, is_known=True)

    (endpoint,) = stripe.all("webhook_endpoint")
    assert first.is_new
    assert first.value == stripe.webhooks.endpoints[0].secret
    assert (again.id, again.is_new, again.value) == (first.id, False, None)
    assert (endpoint["url"], endpoint["api_version"]) == (URL, API_VERSION)
    assert endpoint["enabled_events"] == list(EVENTS)
    assert (await account.check(URL)).problems == ()


@pytest.mark.parametrize("fault", ["lose_answer", "fail"])
async def test_an_answer_of_stripe_that_is_lost_is_had_again_with_its_secret(
    stripe, account, fault
):
    if fault == "lose_answer":
        stripe.lose_answer(2, operation=CREATE)
    else:
        stripe.fail(429, 2, operation=CREATE)

    created = await create(account)

    (endpoint,) = stripe.webhooks.endpoints
    assert (created.id, created.value) == (endpoint.id, endpoint.secret)


async def test_a_webhook_whose_secret_is_not_here_is_replaced_only_if_wished(stripe, account):
    old = await create(account)
    with pytest.raises(WebhookExists, match=old.id):
        await create(account)

    new = await create(account, is_replaced=True)
    assert new.superseded == (old.id,)
    with pytest.raises(WebhookExists, match="of one of them"):
        await create(account, is_known=True)
    for each in new.superseded * 2:
        await account.delete_webhook(each)

    assert [each.id for each in stripe.webhooks.endpoints] == [new.id]


async def test_a_webhook_that_sends_too_little_is_mended(stripe, account):
    created = await create(account)
    endpoint = stripe.objects[created.id]
    endpoint |= {"enabled_events": [EVENTS[0], "payout.paid"], "status": "disabled"}
    problems = (await account.check(URL)).problems

    await create(account, is_known=True)

    assert len(problems) == 2
    assert set(endpoint["enabled_events"]) == {*EVENTS, "payout.paid"}
    assert (await account.check(URL)).problems == ()


async def test_a_webhook_of_another_version_has_to_be_replaced(stripe, account):
    stripe.objects[(await create(account)).id]["api_version"] = "2024-06-20"

    assert "replace it" in (await account.check(URL)).problems[0]
    with pytest.raises(WebhookExists, match="cannot be changed"):
        await create(account, is_known=True)


async def test_paypal_says_which_app_it_is_and_which_webhook_is_ours(paypal):
    async with of_paypal(paypal) as first:
        none = await first.check(URL)
        created = await create(first)
    async with of_paypal(paypal, webhook_id=f"{created.value}\nBEFORE") as known:
        report = await known.check(URL)
        again = await create(known, is_known=True)

    assert (none.webhook, none.problems) == ("none", (f"no webhook sends to {URL}",))
    assert (report.account, report.environment) == ("APP-80W284485P519543T", "sandbox")
    assert (report.webhook, report.problems) == (created.id, ())
    assert (again.id, again.value, again.is_new) == (created.id, None, False)
    assert paypal.webhooks.endpoints[0].kinds == frozenset(PAYPAL_EVENTS)


async def test_a_webhook_of_paypal_is_found_again_whatever_was_lost_and_mended(paypal):
    paypal.lose_answer(operation="POST /v1/notifications/webhooks")
    async with of_paypal(paypal, webhook_id="OTHER") as other:
        created = await create(other)
        (endpoint,) = paypal.webhooks.endpoints
        endpoint.kinds = frozenset({PAYPAL_EVENTS[0], "BILLING.PLAN.CREATED"})
        problems = (await other.check(URL)).problems
        await create(other)

        assert created.value == endpoint.id
        assert "does not send" in problems[0]
        assert problems[1].endswith("the one stored here is OTHER")
        assert endpoint.kinds == {*PAYPAL_EVENTS, "BILLING.PLAN.CREATED"}
        await other.delete_webhook(endpoint.id)
        await other.delete_webhook(endpoint.id)
        assert paypal.webhooks.endpoints == []


async def test_a_secret_that_paypal_refuses_is_no_report(paypal):
    async with of_paypal(paypal, secret="wrong") as stranger:
        with pytest.raises((ProviderUnavailable, ProviderRejected)):
            await stranger.check(URL)


@pytest.mark.parametrize(
    ("webhooks", "said"),
    [("good", None), ("none", "no address for notifications"), ("dead", "did not arrive")],
)
async def test_apple_sends_a_test_notification_and_says_what_became_of_it(taker, webhooks, said):
    addresses = {"good": taker, "none": None, "dead": "http://127.0.0.1:9"}
    async with Apple(webhooks=addresses[webhooks]) as fake:
        client = AsyncAppStoreServerAPIClient(
            fake.signing_key, fake.key_id, fake.issuer_id, fake.bundle, Environment.PRODUCTION
        )
        # The library has no way to say the address.
        client._base_url = fake.url  # noqa: SLF001
        account = AppleAccount(
            bundle=fake.bundle, environment="production", client=client, look_seconds=0.05
        )
        async with aclosing_of(account):
            report = await account.check(URL)

    assert (report.account, report.environment) == (fake.bundle, "production")
    assert [said in each for each in report.problems] == ([True] if said else [])
    assert not isinstance(account, WebhookAccount)


@pytest.mark.parametrize("is_refused", [False, True])
async def test_google_says_whether_the_service_account_may_ask(is_refused):
    async with GooglePlay() as fake:
        listed = fake.service_account()
        key = ServiceAccount(listed["client_email"], listed["private_key"], listed["token_uri"])
        account = GooglePlayAccount(
            package=fake.package,
            account=key,
            tokens=AccessTokens(key, client_of(key.token_url), clock=fake.now),
            is_live=True,
            url=fake.url,
        )
        if is_refused:
            fake.fail(403, operation=LIST_VOIDED)
        async with aclosing_of(account):
            report = await account.check(URL)

    assert report.account == f"{fake.package} ({key.email})"
    assert [key.email in each for each in report.problems] == ([True] if is_refused else [])


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Nov 2026 08:00:00 GMT"])
def test_an_answer_without_a_date_says_nothing_of_a_clock(date):
    assert clock_ahead({} if date is None else {"Date": date}, datetime.now(UTC)) is None
