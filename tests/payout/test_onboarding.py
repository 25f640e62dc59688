"""A creator sets an account up on the provider's page, and is paid when the provider agrees."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from services.payout.commands.accounts import refresh_payee, refresh_payees
from services.payout.domain.payees import AccountStatus, TaxForm, Verification
from services.payout.main import build_http
from services.payout.providers import Onboarding
from services.payout.store import accounts
from services.payout.store.accounts import Account
from services.sandbox.provider.accounts import Outcome
from shared.http.webhooks import Signatures
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
from tests.payout.conftest import RULES, SECRET, a_gift_sent

ONBOARDING = "/v1/payouts/payees/USD/onboarding"
BACK = "https://live.example/creator"
STRICT = replace(
    RULES, payees=replace(RULES.payees, verification_required=True, tax_form_required=True)
)


@asynccontextmanager
async def a_creator(database, provider, rules=STRICT, **claims):
    app = build_http(database, a_verifier(), {"sandbox": provider}, rules, return_url=BACK)
    token = a_token("lea", **{"roles": ["creator"], "country": "FR", **claims})
    async with client_of(app, token) as client:
        client.app = app
        yield client


@pytest.fixture
async def lea(database, provider, hear):
    await hear(a_gift_sent(10_000))
    async with a_creator(database, provider) as client:
        yield client


@pytest.fixture
async def page(sandbox):
    """The provider's site, as a browser of the creator's sees it."""
    async with client_of(sandbox) as client:
        yield client


@pytest.fixture
def read_due(database, provider):
    """Let the job read the accounts that are due."""

    async def read(*, now=False):
        if now:
            async with database.part_for("lea").transaction() as tx:
                await tx.execute(text("UPDATE payees SET next_read_at = now()"))
        return await refresh_payees(database.part_for("lea"), {"sandbox": provider})

    return read


@pytest.fixture
def rows(database):
    async def read(statement):
        async with database.part_for("lea").transaction() as tx:
            return [dict(row) for row in await tx.execute(text(statement))]

    return read


async def complete(page, link, outcome="verified"):
    path = urlsplit(link["url"]).path
    assert (await page.get(path)).status_code == 200
    answer = await page.post(path, data={"outcome": outcome})
    assert (answer.status_code, answer.headers["location"]) == (303, BACK)


async def onboard(creator, **wanted):
    return await creator.post(ONBOARDING, json=wanted)


async def payee_of(creator, currency="USD"):
    items = (await creator.get("/v1/payouts/payees")).json()["items"]
    return next(each for each in items if each["currency"] == currency)


async def quote(creator):
    return await creator.post("/v1/payouts/quotes", json={"diamonds": 2_000})


def obstacles(payee):
    return [each["code"] for each in payee["obstacles"]]


def a_webhook(account, kind="account.updated"):
    body = json.dumps({"type": kind, "data": {"object": {"id": account}}})
    identifier, now = f"evt_{uuid4().hex}", datetime.now(UTC)
    headers = {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signatures(SECRET).sign(identifier, now, body),
    }
    return {"content": body, "headers": headers}


async def test_a_creator_onboards_and_cashes_out(lea, page, read_due, work):
    link = (await onboard(lea)).json()
    waiting = await payee_of(lea)
    assert (waiting["verification"], waiting["country"]) == ("unverified", "FR")
    assert obstacles(waiting) == ["payee-unverified", "tax-form-missing"]
    refused = await quote(lea)
    assert (refused.status_code, refused.json()["code"]) == (409, "payee-unverified")

    await complete(page, link)
    await read_due()

    known = await payee_of(lea)
    assert (known["verification"], known["tax_form"], known["obstacles"]) == (
        "verified",
        "accepted",
        [],
    )
    asked = {"quote": (await quote(lea)).json()["quote"]}
    made = await lea.post("/v1/payouts", json=asked, headers={"Idempotency-Key": "one"})
    assert made.json()["state"] == "approved"
    await work()
    assert (await lea.get(f"/v1/payouts/{made.json()['payout']}")).json()["state"] == "sent"


async def test_the_provider_may_restrict_an_account_later_and_a_quote_does_not_outlive_it(
    lea, page, read_due, rows, sandbox
):
    """It was verified when the quote was made; the webhook says that something changed."""
    await complete(page, (await onboard(lea)).json())
    await read_due()
    quoted = (await quote(lea)).json()
    (payee,) = await rows("SELECT destination FROM payees")
    account = payee["destination"]
    found = sandbox.state.provider.accounts
    found.decide(found.account(account), Outcome.RESTRICTED)

    answer = await lea.post("/v1/webhooks/sandbox/transfers", **a_webhook(account))
    await read_due()

    assert answer.status_code == 200
    refused = await lea.post(
        "/v1/payouts", json={"quote": quoted["quote"]}, headers={"Idempotency-Key": "one"}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "payee-restricted")
    assert refused.json()["requirements"] == ["person.document"]


async def test_a_webhook_that_nobody_signed_makes_nothing_due(lea, rows, read_due):
    await onboard(lea)
    await read_due()
    before = await rows("SELECT next_read_at, reads FROM payees")
    forged = a_webhook("acct_1")
    forged["headers"]["webhook-signature"] = "v1,bm8="

    answer = await lea.post("/v1/webhooks/sandbox/transfers", **forged)

    assert answer.status_code == 401
    assert await rows("SELECT next_read_at, reads FROM payees") == before


async def test_a_webhook_before_the_account_is_known_here_is_no_loss(lea, page, read_due):
    """It was about an account whose id we had not stored; the account is read all the same."""
    link = (await onboard(lea)).json()
    await lea.post("/v1/webhooks/sandbox/transfers", **a_webhook("acct_unheard_of"))
    await complete(page, link)

    await read_due()

    assert (await payee_of(lea))["verification"] == "verified"


@pytest.mark.parametrize("late", ["first", "last"])
async def test_of_two_readings_the_newer_one_counts_in_whichever_order_they_end(
    lea, database, rows, late
):
    """The first reading began earlier and says less: it is never the end of the story."""
    await onboard(lea)
    readings = [await claim(database) for _ in range(2)]
    said = [
        AccountStatus(Verification.PENDING, payouts_enabled=False),
        AccountStatus(Verification.VERIFIED, payouts_enabled=True, tax_form=TaxForm.ACCEPTED),
    ]
    pairs = list(zip(readings, said, strict=True))
    for account, status in pairs if late == "last" else reversed(pairs):
        async with database.part_for("lea").transaction() as tx:
            await accounts.save_status(tx, account, status, is_complete=status.payouts_enabled)

    (left,) = await rows("SELECT verification, payouts_enabled, tax_form FROM payees")
    assert left == {"verification": "verified", "payouts_enabled": True, "tax_form": "accepted"}


async def claim(database) -> Account:
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text("UPDATE payees SET next_read_at = now()"))
        (account,) = await accounts.claim_due(tx, 10)
    return account


async def test_what_is_said_of_an_account_that_was_replaced_changes_nothing(
    lea, database, provider, rows
):
    await onboard(lea)
    reading = await claim(database)
    await lea.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})

    await refresh_payee(database.part_for("lea"), {"sandbox": provider}, reading)

    (left,) = await rows("SELECT destination, verification, next_read_at, applied_read FROM payees")
    assert left == {
        "destination": "acct_ok_lea",
        "verification": "unverified",
        "next_read_at": None,
        "applied_read": 0,
    }


async def test_a_webhook_while_an_account_is_read_lets_it_be_read_again(lea, database, rows):
    """What the provider answers may be older than what the webhook is about."""
    await onboard(lea)
    reading = await claim(database)
    (payee,) = await rows("SELECT destination FROM payees")
    await lea.post("/v1/webhooks/sandbox/transfers", **a_webhook(payee["destination"]))
    status = AccountStatus(Verification.VERIFIED, payouts_enabled=True)
    async with database.part_for("lea").transaction() as tx:
        await accounts.save_status(tx, reading, status, is_complete=True)

    (left,) = await rows("SELECT next_read_at <= now() AS is_due FROM payees")
    assert left == {"is_due": True}


async def test_a_complete_account_is_read_again_after_a_week_and_another_one_soon(
    lea, page, read_due, rows
):
    link = (await onboard(lea)).json()
    seconds = "SELECT round(extract(epoch FROM next_read_at - now()))::int AS seconds FROM payees"
    await read_due()
    (soon,) = await rows(seconds)
    await complete(page, link)
    await read_due(now=True)
    (later,) = await rows(seconds)

    assert 0 < soon["seconds"] <= 120
    assert 6 * 86_400 < later["seconds"] <= 7 * 86_400


async def test_asking_again_is_another_link_to_the_same_account(lea, rows, sandbox, database):
    first, second = (await onboard(lea)).json(), (await onboard(lea)).json()

    assert first["url"] != second["url"]
    assert len(await rows("SELECT 1 FROM payees")) == 1
    (payee,) = await rows("SELECT revision FROM payees")
    assert payee["revision"] == 1
    assert await announced(database, "payout.payee_changed") == []


async def test_two_requests_at_once_open_one_account(lea, rows):
    links = await asyncio.gather(*(onboard(lea) for _ in range(4)))

    assert [answer.status_code for answer in links] == [200] * 4
    assert [row["revision"] for row in await rows("SELECT revision FROM payees")] == [1]


async def test_an_answer_that_was_lost_opens_no_second_account(lea, network, sandbox, rows):
    """The provider made it and we did not hear of it: asked again, it is the same one."""
    network.mood = "forgetful"
    lost = await onboard(lea)
    assert await rows("SELECT 1 FROM payees") == []
    network.mood = "well"
    found = await onboard(lea)

    assert (lost.status_code, lost.json()["code"]) == (503, "onboarding-unavailable")
    assert found.status_code == 200
    (payee,) = await rows("SELECT account, destination FROM payees")
    asked = {"country": "FR", "currency": "USD"}
    known = sandbox.state.provider.accounts.create(key=str(payee["account"]), **asked)
    assert known.id == payee["destination"]


async def test_a_provider_that_does_not_answer_restricts_nobody(lea, page, read_due, network):
    await complete(page, (await onboard(lea)).json())
    await read_due()
    network.instead = (503, {"type": "about:blank"})

    await read_due(now=True)

    assert (await payee_of(lea))["verification"] == "verified"


async def test_a_refusal_to_open_an_account_says_why(lea, network):
    network.instead = (422, {"type": "https://provider.example/country-not-served"})

    refused = await onboard(lea)

    assert (refused.status_code, refused.json()["code"]) == (422, "account-refused")
    assert refused.json()["reason"] == "country-not-served"
    assert (await lea.get("/v1/payouts/payees")).json()["items"] == []


async def test_an_account_has_a_country(database, provider):
    async with a_creator(database, provider, country=None) as lea:
        refused = await onboard(lea)
        named = await onboard(lea, country="fr")
        payee = await payee_of(lea)

    assert (refused.status_code, refused.json()["code"]) == (422, "country-missing")
    assert (named.status_code, payee["country"]) == (200, "FR")


async def test_an_account_of_another_country_is_another_account_and_rests(lea, rows, database):
    await onboard(lea)
    await onboard(lea, country="DE")

    (payee,) = await rows("SELECT country, revision, usable_at FROM payees")
    assert (payee["country"], payee["revision"]) == ("DE", 2)
    assert payee["usable_at"] is not None
    assert len(await announced(database, "payout.payee_changed")) == 1


async def test_an_account_is_continued_where_its_creator_moved_and_no_country_is_named(
    lea, database, provider, rows
):
    await onboard(lea, country="DE")
    async with a_creator(database, provider, country="PT") as moved:
        assert (await onboard(moved)).status_code == 200

    (payee,) = await rows("SELECT country, revision FROM payees")
    assert payee == {"country": "DE", "revision": 1}


async def test_links_are_asked_for_so_many_times_an_hour(database, provider):
    few = replace(STRICT, payees=replace(STRICT.payees, onboarding_links_per_hour=2))
    async with a_creator(database, provider, few) as lea:
        told = [(await onboard(lea)).status_code for _ in range(3)]

    assert told == [200, 200, 429]


async def test_a_link_is_used_once(lea, page):
    link = (await onboard(lea)).json()
    await complete(page, link)

    again = await page.post(urlsplit(link["url"]).path, data={"outcome": "verified"})

    assert (again.status_code, again.json()["code"]) == (404, "link-expired")


async def test_money_to_an_account_that_is_not_enabled_is_refused_by_the_provider(
    lea, page, provider, rows
):
    """Should we ever ask: no such transfer comes into being."""
    await onboard(lea)
    (payee,) = await rows("SELECT destination FROM payees")

    with pytest.raises(Exception, match="account-not-enabled"):
        await provider.submit(
            uuid4(), amount_minor=100, currency="USD", destination=payee["destination"]
        )


def test_the_sandbox_has_onboarding(provider):
    assert isinstance(provider, Onboarding)
