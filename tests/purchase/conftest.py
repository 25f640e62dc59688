"""Buying in a test's words: buy, pay, send_webhook, wait, credit, and look at what became of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.purchase import consumers, jobs
from services.purchase.commands.status_polls import StatusPolls
from services.purchase.domain.purchase_rules import PurchaseRules
from services.purchase.domain.watches import WatchPlan
from services.purchase.main import build_http, read_rules
from services.purchase.providers.sandbox import SandboxProvider
from services.purchase.store.invariants import INVARIANTS
from shared.keyring import Keyring, new_key
from shared.ledger.verification import Violation, verify_ledger
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of, served
from tests.deliveries import a_broker, a_delivery, announced
from tests.noon import noon_zone
from tests.parts import in_every_part, parts_in_use
from tests.purchase.pretend import WEBHOOK_SECRET, PretendProvider, a_webhook
from tests.purchase.wallet_events import a_coins_credited, coins_held

SEED_RULES = read_rules(Path(__file__).parent / "packages.toml", Path("seeds/rules.toml"))
# Most tests buy, fail and complain more often than a person may.
RULES = replace(SEED_RULES, purchases=PurchaseRules())
# What encrypts webhooks as they came.
KEYS = Keyring(new_key())
AGE_PURCHASES = text("""
    UPDATE purchases SET
        created_at = created_at - make_interval(mins => :minutes),
        expires_at = expires_at - make_interval(mins => :minutes),
        next_check_at = CASE WHEN next_check_at IS NOT NULL THEN now() END
""")
AGE_REFUNDS = text("""
    UPDATE refunds SET requested_at = requested_at - make_interval(hours => :hours),
        submitted_at = submitted_at - make_interval(hours => :hours),
        decided_at = decided_at - make_interval(hours => :hours),
        look_at = look_at - make_interval(hours => :hours)
""")
GERMANY = {"country": "DE"}
WATCH = WatchPlan()
WATCH_NOW = text("UPDATE purchases SET watch_at = now() WHERE watch_at IS NOT NULL")
MIRA = {"name": "Mira Example", "reply_to": "mira@example.com"}
AGE_WEBHOOK_EVENTS = text("""
    UPDATE webhook_events SET next_check_at = now() WHERE next_check_at IS NOT NULL
""")


def at_noon(seller):
    """The seller, where no year of receipts begins while a test runs."""
    return replace(seller, zone=noon_zone())


@pytest.fixture
def pretend():
    return PretendProvider()


@pytest.fixture
async def provider_url(pretend):
    async with served(pretend) as url:
        yield url


@pytest.fixture
async def provider(provider_url):
    opened = SandboxProvider(url=provider_url, api_key="key", webhook_secret=WEBHOOK_SECRET)
    yield opened
    await opened.close()


@pytest.fixture
def providers(provider):
    """The providers of the installation, by name."""
    return {provider.name: provider}


@pytest.fixture
def rules():
    return RULES


@pytest.fixture
async def app(database, providers, rules, violations):
    """The service; whatever a test lets the provider do, its books say in the end what it holds."""
    yield build_http(database, a_verifier(), providers, rules, KEYS)
    assert await violations() == []


@pytest.fixture
def violations(database):
    """Verify the books; return the violations."""

    async def verify_all():
        found = []
        for part in await parts_in_use(database):
            async with part.snapshot() as tx:
                found += [each async for each in verify_ledger(tx, INVARIANTS)]
        return [each for each in found if isinstance(each, Violation)]

    return verify_all


@pytest.fixture
def buy(app):
    """Buy as a viewer; returns the response."""

    async def buy_one(package="coins_100", *, viewer="mira", key="key-1", claims=None, **about):
        async with client_of(app, a_token(viewer, **(claims or {}))) as client:
            return await client.post(
                "/v1/purchases",
                json={"package": package, **about},
                headers={"Idempotency-Key": key},
            )

    return buy_one


@pytest.fixture
def bought(buy):
    """Buy, and return the id of the purchase."""

    async def buy_one(*args, **about):
        return (await buy(*args, **about)).json()["purchase"]

    return buy_one


@pytest.fixture
def read(app):
    """Read a purchase as its viewer."""

    async def read_one(purchase, *, viewer="mira"):
        async with client_of(app, a_token(viewer)) as client:
            return (await client.get(f"/v1/purchases/{purchase}")).json()

    return read_one


@pytest.fixture
def deliver(app):
    """Deliver a webhook as it is."""

    async def deliver_one(headers, body, *, name="sandbox"):
        async with client_of(app) as client:
            return await client.post(f"/v1/webhooks/{name}/payments", content=body, headers=headers)

    return deliver_one


@pytest.fixture
def send_webhook(deliver, pretend):
    """Let the provider send the webhook of a purchase's payment."""

    async def tell_one(purchase, kind="payment.succeeded", **about):
        return await deliver(*a_webhook(pretend.payment_of(purchase), kind=kind, **about))

    return tell_one


@pytest.fixture
def pay(pretend, send_webhook):
    """Let a viewer pay, and the provider say so."""

    async def pay_one(purchase):
        pretend.become(purchase, "succeeded")
        return await send_webhook(purchase)

    return pay_one


@pytest.fixture
def turn_due(database):
    """Let time pass, so that the janitor's next turn is due."""

    async def let_pass(*, minutes=0):
        await in_every_part(database, AGE_PURCHASES, minutes=minutes)
        async with database.reference.transaction() as tx:
            await tx.execute(AGE_WEBHOOK_EVENTS)

    return let_pass


@pytest.fixture
def poll_due(database, providers, rules):
    """Let the janitor take a turn."""
    polls = StatusPolls(database, providers, rules.invoices)
    return lambda: jobs.poll_due(polls)


@pytest.fixture
def wait(turn_due, poll_due):
    """Let time pass, and the janitor take its turn."""

    async def wait_until_done(*, minutes=0):
        await turn_due(minutes=minutes)
        return await poll_due()

    return wait_until_done


@pytest.fixture
def watch(database, providers):
    """Let the paid purchases that are watched be read again."""

    async def read_again(plan=WATCH):
        await in_every_part(database, WATCH_NOW)
        await jobs.watch_due(StatusPolls(database, providers), providers, plan)

    return read_again


@pytest.fixture
def credit(database):
    """Let the wallet say, in one batch, that it has credited purchases."""
    (consumer,) = consumers.build(database, a_broker("purchase"))

    async def credit_all(*purchases, viewer="mira", coins=100):
        await consumer.receive(
            [a_delivery(a_coins_credited(each, viewer=viewer, coins=coins)) for each in purchases]
        )

    return credit_all


@pytest.fixture
def consume(database):
    (consumer,) = consumers.build(database, a_broker("purchase"))

    async def hear_all(*events):
        await consumer.receive([a_delivery(event) for event in events])

    return hear_all


@pytest.fixture
def request_refund(app):
    """Ask for one's unused coins to be given back."""

    async def ask_for(purchase, *, key="refund-1", viewer="mira"):
        async with client_of(app, a_token(viewer)) as client:
            return await client.post(
                f"/v1/purchases/{purchase}/refunds", headers={"Idempotency-Key": key}
            )

    return ask_for


@pytest.fixture
def withdraw(app):
    """Withdraw from a purchase, as the page does once the viewer has confirmed."""

    async def state(purchase, *, key="withdrawal-1", viewer="mira", body=MIRA, service=app):
        async with client_of(service, a_token(viewer)) as client:
            return await client.post(
                f"/v1/purchases/{purchase}/withdrawals",
                content=json.dumps(body),
                headers={"Idempotency-Key": key, "Content-Type": "application/json"},
            )

    return state


@pytest.fixture
def give_back(database, providers, rules):
    """Let the refunds that are due be asked for."""

    async def work():
        await in_every_part(
            database, "UPDATE refunds SET next_check_at = now() WHERE next_check_at IS NOT NULL"
        )
        await jobs.refund_due(database, providers, rules.invoices)

    return work


@pytest.fixture
def refund_of(app):
    """Read the newest refund of a purchase as its viewer."""

    async def read(purchase):
        async with client_of(app, a_token("mira")) as client:
            items = (await client.get(f"/v1/purchases/{purchase}/refunds")).json()["items"]
        return items[0]

    return read


@pytest.fixture
def event_names(database):
    """The names of what was announced, in its order, without what came before a refund."""

    async def names():
        facts = [fact["name"].removeprefix("purchase.") for fact in await announced(database)]
        return [name for name in facts if name not in ("paid", "completed")]

    return names


@pytest.fixture
def balances(rows):
    """The money accounts that hold something."""

    async def read():
        found = await rows(
            "SELECT account, sum(amount)::integer AS n FROM postings GROUP BY account"
        )
        return {each["account"].removeprefix("@"): each["n"] for each in found if each["n"]}

    return read


@pytest.fixture
def refund_requested(bought_in, request_refund, consume):
    """Buy 525 coins for 4.99, and ask for all of them to be given back: they are frozen."""

    async def ask_back():
        purchase = await bought_in()
        await consume(coins_held(purchase, (await request_refund(purchase)).json()["refund"]))
        return purchase

    return ask_back


@pytest.fixture
def age_refunds(database):
    """Let so many hours pass since refunds were asked for."""

    async def age(hours):
        await in_every_part(database, AGE_REFUNDS, hours=hours)

    return age


@pytest.fixture
def paid_twice(bought, pay, pretend, deliver):
    """Pay a purchase of 99 cents, and then pay it again: the second payment buys nothing."""

    async def pay_twice():
        purchase = await bought(key="twice")
        await pay(purchase)
        second = pretend.make(reference=purchase, status="succeeded")
        second["paid_at"] = datetime.now(UTC).isoformat()
        await deliver(*a_webhook(second))
        return second

    return pay_twice


@pytest.fixture
def bought_in(buy, pay, credit):
    """Buy 500 coins for 4.99 and pay."""

    async def purchase(claims=GERMANY, *, key="key-1"):
        made = (await buy("coins_500", key=key, claims=claims)).json()["purchase"]
        await pay(made)
        await credit(made, coins=525)
        return made

    return purchase


@pytest.fixture
def rows(database):
    """Read what is stored."""

    async def read_rows(statement):
        async with database.transaction() as tx:
            return [dict(row) for row in (await tx.execute(text(statement)))]

    return read_rows
