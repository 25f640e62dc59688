"""Accounts of payees: opened with a key, completed on a page, and paid when they are verified."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from services.sandbox.provider import accounts
from tests.sandbox.conftest import API_KEY, PUBLIC_URL, TRANSFERS_HOST

BACK = {"return_url": "https://live.example/creator", "refresh_url": "https://live.example/again"}


@pytest.fixture
def opened(payroll):
    """Open an account and return it."""

    async def open_account(key="account-1", country="FR"):
        wanted = {"country": country, "currency": "EUR"}
        answer = await payroll.post("/accounts", json=wanted, headers={"Idempotency-Key": key})
        assert answer.status_code == 201, answer.text
        return answer.json()

    return open_account


@pytest.fixture
def link_to(payroll):
    async def ask(account):
        return (await payroll.post(f"/accounts/{account['id']}/links", json=BACK)).json()

    return ask


async def test_an_account_is_opened_once_a_key(opened, payroll):
    first, again, other = await opened(), await opened(), await opened(key="account-2")

    assert first == again
    assert first["id"] != other["id"]
    assert (first["verification"], first["payouts_enabled"]) == ("unverified", False)
    wanted = {"country": "DE", "currency": "EUR"}
    reused = await payroll.post("/accounts", json=wanted, headers={"Idempotency-Key": "account-1"})
    assert (reused.status_code, reused.json()["code"]) == (422, "key-reused")


@pytest.mark.parametrize(
    ("outcome", "enabled", "tax_form", "missing"),
    [
        ("verified", True, "accepted", []),
        ("pending", False, "submitted", []),
        ("restricted", False, "submitted", ["person.document"]),
    ],
)
async def test_its_holder_completes_it_on_the_page_and_comes_back(
    opened,
    link_to,
    browser,
    payroll,
    delivered,
    receiver,
    signed,
    outcome,
    enabled,
    tax_form,
    missing,
):
    account = await opened()
    link = await link_to(account)
    assert link["url"].startswith(f"{PUBLIC_URL}/onboarding/")
    path = urlsplit(link["url"]).path.removeprefix("/sandbox")
    page = await browser.get(path)
    assert "What becomes of your account" in page.text
    # Chromium and Safari hold the redirect after a form to this as well.
    assert "form-action 'self' https://live.example" in page.headers["content-security-policy"]

    done = await browser.post(path, data={"outcome": outcome})

    assert (done.status_code, done.headers["location"]) == (303, BACK["return_url"])
    known = (await payroll.get(f"/accounts/{account['id']}")).json()
    assert known["verification"] == outcome
    assert (known["payouts_enabled"], known["tax_form"]) == (enabled, tax_form)
    assert known["requirements"] == missing
    (event,) = await delivered(1)
    assert (event["type"], event["data"]["object"]) == ("account.updated", known)
    (delivery,) = receiver.deliveries
    assert delivery.url.host == TRANSFERS_HOST
    assert signed(delivery)


async def test_a_link_is_for_minutes_and_for_one_use(opened, link_to, browser, monkeypatch):
    account = await opened()
    first, second = await link_to(account), await link_to(account)
    until = datetime.fromisoformat(first["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < until <= timedelta(minutes=5)
    paths = [urlsplit(link["url"]).path.removeprefix("/sandbox") for link in (first, second)]
    assert (await browser.post(paths[0], data={"outcome": "verified"})).status_code == 303
    assert (await browser.get(paths[0])).status_code == 404
    monkeypatch.setattr(accounts, "LINK_MINUTES", 0)

    old = urlsplit((await link_to(account))["url"]).path.removeprefix("/sandbox")

    assert (await browser.get(old)).status_code == 404
    assert (await browser.get("/onboarding/none")).status_code == 404
    assert (await browser.post(paths[1], data={"outcome": "rich"})).status_code == 422
    assert (await browser.get(paths[1])).status_code == 200


async def test_only_an_account_that_is_verified_is_paid(opened, payroll):
    account = (await opened())["id"]
    transfer = {"amount_minor": 100, "currency": "EUR", "destination": account, "reference": "a"}

    async def pay(key):
        return await payroll.post("/transfers", json=transfer, headers={"Idempotency-Key": key})

    refused = await pay("first")
    assert (refused.status_code, refused.json()["code"]) == (422, "account-not-enabled")
    await payroll.post(f"/accounts/{account}/decide", json={"outcome": "verified"})
    assert (await pay("second")).status_code == 201
    await payroll.post(f"/accounts/{account}/decide", json={"outcome": "restricted"})
    assert (await pay("third")).status_code == 422
    # What was ordered before is ordered.
    assert (await pay("second")).status_code == 201


async def test_the_key_that_takes_money_opens_no_account(shop):
    assert API_KEY in shop.headers["authorization"]
    wanted = {"country": "FR", "currency": "EUR"}
    refused = await shop.post("/accounts", json=wanted, headers={"Idempotency-Key": "1"})
    assert (refused.status_code, refused.json()["code"]) == (403, "key-has-no-right")


@pytest.mark.parametrize("path", ["/accounts/acct_none", "/accounts/acct_none/links"])
async def test_an_unknown_account_is_not_found(payroll, path):
    answer = await (payroll.post(path, json=BACK) if path.endswith("links") else payroll.get(path))
    assert answer.status_code == 404
