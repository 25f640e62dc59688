"""Money goes where its creator said, and not at once where somebody said a moment ago."""

import asyncio
import time
from dataclasses import replace
from uuid import uuid4

import pytest

from services.payout.domain.payees import masked, masked_email
from services.payout.main import build_http
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
from tests.payout.conftest import PAYEE, RULES, a_gift_sent

RESTING = replace(RULES, maturity=replace(RULES.maturity, seconds=None, days=0, new_creator_days=0))


@pytest.fixture
async def creator(database, provider, hear):
    """Lea, with 10,000 diamonds, where a payee rests as the rules say."""
    await hear(a_gift_sent(10_000))
    app = build_http(database, a_verifier(), {"sandbox": provider}, RESTING)
    async with client_of(app, a_token("lea", roles=["creator"])) as client:
        client.app = app
        yield client


@pytest.fixture
async def ops(creator):
    token = a_token("ops", roles=["operator"], scope="payouts:review")
    async with client_of(creator.app, token) as client:
        yield client


async def name(creator, destination):
    return (await creator.put(PAYEE, json={"destination": destination})).json()


async def quote(creator, diamonds=2_000):
    return await creator.post("/v1/payouts/quotes", json={"diamonds": diamonds})


async def request(creator, quoted):
    headers = {"Idempotency-Key": uuid4().hex}
    return await creator.post("/v1/payouts", json={"quote": quoted["quote"]}, headers=headers)


async def let_rest(database, hours):
    async with database.part_for("lea").transaction() as tx:
        statement = f"UPDATE payees SET usable_at = usable_at - interval '{hours} hours'"
        await tx.execute(text(statement))


async def test_the_first_payee_can_be_used_at_once_and_by_rule(creator, database):
    assert (await name(creator, "acct_ok_lea"))["usable_at"] is None

    asked = await request(creator, (await quote(creator)).json())

    assert asked.json()["state"] == "approved"
    assert await announced(database, "payout.payee_changed") == []


async def test_a_payee_that_replaces_another_rests_for_three_days(creator, database):
    await name(creator, "acct_ok_lea")
    changed = await name(creator, "acct_ok_thief")

    refused = await quote(creator)
    assert (refused.status_code, refused.json()["code"]) == (409, "payee-resting")
    assert refused.json()["usable_at"] == changed["usable_at"]
    (told,) = await announced(database, "payout.payee_changed")
    assert (told["creator"], told["changed_by"], told["revision"]) == ("lea", "lea", 2)
    assert "acct_ok_thief" not in str(told)
    assert told["usable_at"] == changed["usable_at"]
    await let_rest(database, 71.9)
    assert (await quote(creator)).status_code == 409
    await let_rest(database, 0.2)

    assert (await quote(creator)).status_code == 201


async def test_a_quote_of_before_does_not_outlive_the_payee(creator):
    """Quoted with the old account; the account was replaced before it was used."""
    await name(creator, "acct_ok_lea")
    quoted = (await quote(creator)).json()
    await name(creator, "acct_ok_thief")

    refused = await request(creator, quoted)

    assert (refused.status_code, refused.json()["code"]) == (409, "payee-resting")


async def test_the_same_payee_again_is_no_change_and_does_not_shorten_a_rest(creator, database):
    await name(creator, "acct_ok_lea")
    first = await name(creator, "acct_ok_other")
    again = await name(creator, "acct_ok_other")

    assert first == again
    assert len(await announced(database, "payout.payee_changed")) == 1
    await name(creator, "acct_ok_lea")
    assert (await quote(creator)).status_code == 409


async def test_a_person_looks_at_the_first_payout_to_another_account(creator, ops, database):
    await name(creator, "acct_ok_lea")
    await name(creator, "acct_ok_new")
    await let_rest(database, 73)

    asked = (await request(creator, (await quote(creator)).json())).json()
    assert asked["state"] == "held"
    assert [step["reason"] for step in asked["timeline"]] == [None, "payee-changed"]
    (held,) = await announced(database, "payout.held")
    assert held["reason"] == "payee-changed"
    path = f"/v1/operator/payouts/lea/{asked['payout']}"
    await ops.post(f"{path}/reject", json={"reason": "not me"})
    second = (await request(creator, (await quote(creator)).json())).json()
    assert second["state"] == "held"
    path = f"/v1/operator/payouts/lea/{second['payout']}"
    await ops.post(f"{path}/approve", json={"reason": "called back"})
    await finish(database)

    third = (await request(creator, (await quote(creator)).json())).json()
    assert third["state"] == "approved"


async def finish(database):
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text("UPDATE payouts SET state = 'failed' WHERE state = 'approved'"))


async def test_a_payout_under_way_keeps_its_account(creator, database):
    await name(creator, "acct_ok_lea")
    await request(creator, (await quote(creator)).json())

    await name(creator, "acct_ok_thief")

    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT destination FROM payouts"))
        assert [row.destination for row in rows] == ["acct_ok_lea"]


async def test_where_the_operator_wants_it_every_first_payout_is_looked_at(
    database, provider, hear
):
    await hear(a_gift_sent(10_000))
    careful = replace(RESTING, first_payout_review=True)
    app = build_http(database, a_verifier(), {"sandbox": provider}, careful)
    async with client_of(app, a_token("lea", roles=["creator"])) as creator:
        await name(creator, "acct_ok_lea")
        asked = (await request(creator, (await quote(creator)).json())).json()

    assert asked["state"] == "held"
    assert asked["timeline"][-1]["reason"] == "first-payout"


async def test_a_payee_in_another_currency_rests_as_one_that_replaces_another(creator, database):
    """Else a stolen token would name one in a currency that has none, and cash out at once."""
    await name(creator, "acct_ok_lea")
    euros = (
        await creator.put("/v1/payouts/payees/EUR", json={"destination": "acct_ok_euro"})
    ).json()

    assert euros["usable_at"] is not None
    assert [each["code"] for each in euros["obstacles"]] == ["payee-resting"]
    (told,) = await announced(database, "payout.payee_changed")
    assert (told["currency"], told["revision"]) == ("EUR", 2)
    assert told["previous_destination"] is None
    assert (await quote(creator)).status_code == 201
    shown = (await creator.get("/v1/payouts/payees")).json()["items"]
    assert [(each["currency"], each["destination"]) for each in shown] == [
        ("EUR", "********euro"),
        ("USD", "*******_lea"),
    ]


async def test_payees_of_two_currencies_named_at_once_are_counted_one_after_the_other(
    creator, database
):
    currencies = ("USD", "EUR", "GBP", "JPY")
    paths = [f"/v1/payouts/payees/{currency}" for currency in currencies]
    answers = await asyncio.gather(
        *(creator.put(path, json={"destination": "acct_ok_lea"}) for path in paths)
    )

    assert [answer.status_code for answer in answers] == [200] * 4
    async with database.transaction() as tx:
        rows = list(await tx.execute(text("SELECT revision, usable_at FROM payees")))
    assert sorted(row.revision for row in rows) == [1, 2, 3, 4]
    assert [row.revision for row in rows if row.usable_at is None] == [1]
    told = await announced(database, "payout.payee_changed")
    assert sorted(event["revision"] for event in told) == [2, 3, 4]


async def test_who_is_told_of_a_change_knows_both_ends_and_neither_whole(creator, database):
    await name(creator, "acct_ok_lea")
    await name(creator, "acct_ok_thief")

    (told,) = await announced(database, "payout.payee_changed")
    assert (told["previous_destination"], told["destination"]) == ("*******_lea", "*********hief")
    assert (told["previous_provider"], told["currency"]) == ("sandbox", "USD")


@pytest.mark.parametrize(
    "destination", ["acct_ok_lea", "email_0123456789abcdef0123456789abcdef", "abcd", "a" * 64]
)
def test_a_destination_is_never_shown_whole(destination):
    shown = masked(destination)
    assert shown != destination
    assert len(shown) <= 16
    assert shown.count("*") >= 4


def test_an_address_is_shown_by_its_first_letter_and_its_domain():
    assert masked_email("lea.martin@example.com") == "l***@example.com"


@pytest.mark.parametrize("auth_time", [None, -16 * 60, 16 * 60])
async def test_a_stolen_token_names_no_payee_not_even_the_first(creator, database, auth_time):
    """It is of this morning, of no known time, or of a clock that is wrong."""
    said = None if auth_time is None else int(time.time()) + auth_time
    token = a_token("lea", roles=["creator"], auth_time=said, country="FR")
    async with client_of(creator.app, token) as thief:
        answers = [
            await thief.put(PAYEE, json={"destination": "acct_ok_thief"}),
            await thief.post(f"{PAYEE}/onboarding", json={}),
        ]

    told = [(each.status_code, each.json()["code"]) for each in answers]
    assert told == [(403, "login-too-old")] * 2
    assert answers[0].json()["max_age_seconds"] == 900
    async with database.transaction() as tx:
        assert len(await tx.execute(text("SELECT 1 FROM payees"))) == 0


async def test_a_thief_with_a_fresh_token_gets_nothing_before_its_creator_is_told(
    creator, ops, database
):
    """The thief signs in, changes the account in every way, waits, and meets a person."""
    await name(creator, "acct_ok_lea")
    await name(creator, "acct_ok_thief")
    await creator.put("/v1/payouts/payees/EUR", json={"destination": "acct_ok_thief"})
    assert (await quote(creator)).json()["code"] == "payee-resting"
    assert len(await announced(database, "payout.payee_changed")) == 2
    # Naming the old account and the new one again does not shorten the rest.
    await name(creator, "acct_ok_lea")
    await name(creator, "acct_ok_thief")
    await let_rest(database, 71.9)
    assert (await quote(creator)).json()["code"] == "payee-resting"
    await let_rest(database, 0.2)

    asked = (await request(creator, (await quote(creator)).json())).json()

    assert asked["state"] == "held"
    path = f"/v1/operator/payouts/lea/{asked['payout']}"
    assert (await ops.post(f"{path}/reject", json={"reason": "stolen"})).status_code == 200


async def test_where_the_operator_asks_for_no_fresh_login_any_token_names_one(database, provider):
    any_login = replace(RESTING, payees=replace(RESTING.payees, login_minutes_max=0))
    app = build_http(database, a_verifier(), {"sandbox": provider}, any_login)
    async with client_of(app, a_token("lea", roles=["creator"], auth_time=None)) as lea:
        assert (await lea.put(PAYEE, json={"destination": "acct_ok_lea"})).status_code == 200


@pytest.mark.parametrize("roles", [[], ["viewer"], ["operator"]])
async def test_only_creators_name_a_payee_and_ask_for_money(lea, roles):
    async with client_of(lea.app, a_token("lea", roles=roles)) as other:
        answers = [
            await other.put(PAYEE, json={"destination": "acct_ok_lea"}),
            await other.post("/v1/payouts/quotes", json={}),
            await request(other, {"quote": str(uuid4())}),
        ]

    told = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert told == [(403, "creators-only")] * 3
