"""Rates are announced once, hold from their moment on, and never fall without notice."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payout.commands.rate_plans import announce_rates
from services.payout.commands.valuations import revalue_all
from services.payout.domain.rate_plans import (
    STANDARD_PLAN,
    Assignment,
    PlanVersion,
    Rate,
    RateNoticeTooShort,
    RatePlans,
    RatesRefused,
    new_versions,
)
from services.payout.main import build_http, read_rules
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.deliveries import announced
from tests.payout.books import violations
from tests.payout.conftest import RULES, a_gift_sent, at_rate

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=300)
DAY = timedelta(days=1)
PARTNER = (PlanVersion("partner", datetime(2026, 1, 1, tzinfo=UTC), Rate(9, "USD", 600)),)
WITH_PARTNERS = replace(
    RULES, rates=replace(RULES.rates, plans={**RULES.rates.plans, "partner": PARTNER})
)


def plans(*values_by_day, plan=STANDARD_PLAN, **others):
    """Plans whose first has these values from these days on, counted from now."""
    versions = tuple(
        PlanVersion(plan, NOW + day * DAY, Rate(number, "USD", value))
        for number, (day, value) in enumerate(values_by_day, 1)
    )
    return RatePlans({plan: versions, **others}, notice=30 * DAY, split_notice=timedelta(hours=24))


async def announce(database, rules, now=None):
    await announce_rates(database, rules, now or datetime.now(UTC))


@pytest.fixture
async def books_are_right(database):
    yield
    assert await violations(database) == []


@pytest.fixture
async def partners(database, provider):
    """The API of an operator who has a plan for partners."""
    app = build_http(database, a_verifier(), {"sandbox": provider}, WITH_PARTNERS)
    scopes = "rates:write rates:read audit:read"
    token = a_token("ops", roles=["operator"], scope=scopes)
    async with client_of(app, token) as client:
        client.app = app
        yield client


async def assign(client, *, days, plan="partner", creator="lea"):
    wish = {
        "plan": plan,
        "effective_from": (datetime.now(UTC) + timedelta(days=days)).isoformat(),
        "reason": "signed a contract",
    }
    return await client.put(f"/v1/operator/creators/{creator}/rate-plan", json=wish)


async def put_on(database, plan, *, since_days, creator="lea"):
    """Let an assignment have been made long enough ago that it counts now."""
    statement = """
        INSERT INTO rate_assignments (creator, effective_from, plan, assigned_at)
        VALUES (:creator, now() - CAST(:since AS interval), :plan,
                now() - CAST(:since AS interval))
    """
    values = {"creator": creator, "plan": plan, "since": timedelta(days=since_days)}
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text(statement), values)


def test_a_version_counts_from_its_moment_on():
    rates = plans((-300, 500), (10, 600))

    assert rates.rate(STANDARD_PLAN, NOW + 10 * DAY).value_minor_per_1000 == 600
    just_before = NOW + 10 * DAY - timedelta(microseconds=1)
    assert rates.rate(STANDARD_PLAN, just_before).value_minor_per_1000 == 500
    # Nothing was worth less before there were rates.
    assert rates.rate(STANDARD_PLAN, NOW - 400 * DAY).value_minor_per_1000 == 500


@pytest.mark.parametrize(
    ("added", "says"),
    [
        ((29, 400), "lower than before"),
        ((-1, 600), "in the past"),
        ((-1, 400), "in the past"),
    ],
)
def test_a_version_that_begins_too_soon_is_refused(added, says):
    known = list(plans((-300, 500)).versions())

    with pytest.raises(RatesRefused, match=says):
        new_versions(plans((-300, 500), added), known, now=NOW)


@pytest.mark.parametrize("added", [(30, 400), (1, 600), (1, 500)])
def test_a_version_in_time_is_new_once(added):
    rates = plans((-300, 500), added)
    known = list(plans((-300, 500)).versions())

    ((version, change),) = new_versions(rates, known, now=NOW)

    assert (version.rate.version, change.old.value_minor_per_1000) == (2, 500)
    assert new_versions(rates, [*known, version], now=NOW) == []


@pytest.mark.parametrize("changed", [plans((-300, 501)), plans((-299, 500)), plans((-300, 500))])
def test_what_was_announced_is_neither_changed_nor_removed(changed):
    known = list(plans((-300, 500), (40, 400)).versions())

    with pytest.raises(RatesRefused, match="may not be changed or removed"):
        new_versions(changed, known, now=NOW)


def test_another_currency_needs_notice_too():
    euros = PlanVersion(STANDARD_PLAN, NOW + DAY, Rate(2, "EUR", 900))
    dollars = plans((-300, 500))
    both = replace(dollars, plans={STANDARD_PLAN: (*dollars.plans[STANDARD_PLAN], euros)})

    with pytest.raises(RatesRefused, match="lower than before"):
        new_versions(both, list(dollars.versions()), now=NOW)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("version = 1", "version = 0", "from 1"),
        ("rate_notice_days = 30", "", "rate_notice_days"),
        ("split_notice_hours = 24", "", "split_notice_hours"),
        ("split_notice_hours = 24", "split_notice_hours = 0", "in time"),
        ("00:00Z", "00:00", "offset"),
        ("[plans.standard]", "[plans.other]", "standard"),
        ("version = 1,", "version = 1, bonus = 3,", "bonus"),
    ],
)
def test_a_wrong_file_stops_the_service(tmp_path, before, after, says):
    file = tmp_path / "rates.toml"
    written = Path("seeds/rates.toml").read_text(encoding="utf-8")
    assert before in written
    file.write_text(written.replace(before, after), encoding="utf-8")

    with pytest.raises((AssertionError, TypeError), match=says):
        read_rules(Path("seeds/rules.toml"), file)


days = st.integers(-40, 80)
values = st.sampled_from([400, 500, 600])
timelines = st.dictionaries(days, values, max_size=3)


@given(timelines, timelines, st.dictionaries(days, st.sampled_from(["a", "b"]), max_size=3), days)
def test_no_creator_ever_gets_less_before_the_notice_is_over(standard, other, assigned, begins):
    """Every half day of the notice is looked at, with another way to find the value."""

    def value_at(day, plan_of_day):
        plan = max((at, plan) for at, plan in [(-999, "a"), *plan_of_day] if at <= day)[1]
        versions = {-999: 500, **(standard if plan == "a" else other)}
        return versions[max(at for at in versions if at <= day)]

    named = {"a": STANDARD_PLAN, "b": "other"}
    rates = RatePlans(
        {
            named[plan]: tuple(
                PlanVersion(named[plan], NOW + at * DAY, Rate(number, "USD", value))
                for number, (at, value) in enumerate(sorted({-999: 500, **versions}.items()), first)
            )
            for plan, versions, first in (("a", standard, 1), ("b", other, 100))
        },
        notice=30 * DAY,
        split_notice=DAY,
    )
    begins = max(begins, 1)
    before = sorted(assigned.items())
    after = [*((at, plan) for at, plan in before if at != begins), (begins, "b")]
    gets_less = any(value_at(half / 2, after) < value_at(half / 2, before) for half in range(60))
    assignments = [
        [Assignment(NOW + at * DAY, named[plan]) for at, plan in each] for each in (before, after)
    ]

    if gets_less:
        with pytest.raises(RateNoticeTooShort):
            rates.require_notice(*assignments, now=NOW)
    else:
        rates.require_notice(*assignments, now=NOW)


async def test_a_change_is_announced_once_however_many_instances_start(database):
    await announce(database, RULES)
    later = at_rate(RULES, 400, since=datetime.now(UTC) + timedelta(days=31))

    await asyncio.gather(*(announce(database, later) for _ in range(3)))
    await announce(database, later)

    (said,) = await announced(database, "payout.rate_announced")
    assert (said["plan"], said["rate_version"]) == ("standard", 2)
    assert (said["old_value_minor_per_1000"], said["value_minor_per_1000"]) == (500, 400)


async def test_what_already_holds_when_a_service_first_starts_is_no_change(database):
    await announce(database, at_rate(RULES, 400))

    assert await announced(database, "payout.rate_announced") == []


async def test_a_lower_rate_without_notice_stops_the_service_and_leaves_nothing(database):
    await announce(database, RULES)
    sooner = at_rate(RULES, 400, since=datetime.now(UTC) + timedelta(days=29))

    with pytest.raises(RatesRefused):
        await announce(database, sooner)

    await announce(database, RULES)
    assert await announced(database, "payout.rate_announced") == []


async def test_a_plan_that_creators_are_on_stays_in_the_file(database):
    await announce(database, WITH_PARTNERS)
    await put_on(database, "partner", since_days=1)

    with pytest.raises(RatesRefused):
        await announce(database, RULES)


async def test_an_operator_puts_a_creator_on_a_plan_and_the_creator_sees_it(
    lea, partners, database
):
    answer = await assign(partners, days=1)

    assert answer.status_code == 200, answer.text
    async with client_of(partners.app, a_token("lea", roles=["creator"])) as mine:
        terms = (await mine.get("/v1/earnings/me/terms")).json()
    assert terms == answer.json()
    assert (terms["plan"], terms["rate"]["value_minor_per_1000"]) == ("standard", 500)
    assert terms["next_rate"]["rate"] == {
        "version": 9,
        "currency": "USD",
        "value_minor_per_1000": 600,
    }
    (said,) = await announced(database, "payout.creator_rate_announced")
    assert (said["creator"], said["plan"], said["value_minor_per_1000"]) == ("lea", "partner", 600)
    assert said["effective_from"] == terms["next_rate"]["effective_from"]
    (line,) = (await partners.get("/v1/operator/payout/audit?reads=false")).json()["items"]
    assert (line["action"], line["user"]) == ("rate_plan.assigned", "lea")


async def test_the_same_assignment_again_is_one_and_another_at_that_moment_is_refused(
    partners, database
):
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    wish = {"plan": "partner", "effective_from": at, "reason": "signed"}
    path = "/v1/operator/creators/lea/rate-plan"

    answers = await asyncio.gather(*(partners.put(path, json=wish) for _ in range(3)))
    other = await partners.put(path, json={**wish, "plan": "standard"})

    assert {answer.status_code for answer in answers} == {200}
    assert other.json()["code"] == "terms-exist"
    assert len(await announced(database, "payout.creator_rate_announced")) == 1


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        ({"days": 29, "plan": "standard"}, "rate-notice-too-short"),
        ({"days": -0.01, "plan": "partner"}, "terms-in-the-past"),
        ({"days": 31, "plan": "unknown"}, "no-such-rate-plan"),
        ({"days": 31, "plan": "partner", "creator": "ops"}, "own-money"),
    ],
)
async def test_an_assignment_that_may_not_be_is_refused_and_leaves_nothing(
    partners, database, wish, problem
):
    await put_on(database, "partner", since_days=1)

    answer = await assign(partners, **wish)

    assert answer.json()["code"] == problem
    assert await announced(database, "payout.creator_rate_announced") == []


async def test_a_creator_is_put_back_after_the_notice(partners, database):
    await put_on(database, "partner", since_days=1)

    answer = await assign(partners, days=30.01, plan="standard")

    assert answer.json()["next_rate"]["rate"]["value_minor_per_1000"] == 500


async def test_only_who_may_change_rates_changes_them(partners):
    token = a_token("ops", roles=["operator"], scope="rates:read adjustments:write")
    async with client_of(partners.app, token) as client:
        assert (await assign(client, days=1)).json()["code"] == "scope-missing"


async def test_diamonds_are_revalued_when_a_plan_begins_and_quotes_say_its_rate(
    lea, hear, partners, database, books_are_right
):
    await hear(a_gift_sent(10_000))
    await lea.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})
    await put_on(database, "partner", since_days=1)

    async with database.part_for("lea").transaction() as tx:
        await revalue_all(tx, WITH_PARTNERS)

    async with client_of(partners.app, a_token("lea", roles=["creator"])) as mine:
        earned = (await mine.get("/v1/earnings/me")).json()
        quote = (await mine.post("/v1/payouts/quotes", json={"diamonds": 2_000})).json()
    assert earned["value"] == {"amount_minor": 6_000, "currency": "USD", "rate_version": 9}
    assert (quote["amount_minor"], quote["rate_version"]) == (1_200, 9)
    async with database.transaction() as tx:
        found = await tx.execute(
            text(
                "SELECT -sum(amount)::bigint AS owed FROM postings"
                " WHERE account = '@creator_payable'"
            )
        )
        assert found.scalar_one() == 6_000


async def test_others_are_not_revalued(hear, database, books_are_right):
    await hear(a_gift_sent(1_000), a_gift_sent(1_000, creator="tomas"))
    await put_on(database, "partner", since_days=1)

    for _ in range(2):
        async with database.part_for("lea").transaction() as tx:
            assert not await revalue_all(tx, WITH_PARTNERS)

    async with database.transaction() as tx:
        found = await tx.execute(text("SELECT user_id FROM entries WHERE kind = 'revalue'"))
        assert [row.user_id for row in found] == ["lea"]


async def test_an_instance_that_does_not_know_a_plan_leaves_it_to_those_who_do(
    hear, database, books_are_right
):
    await hear(a_gift_sent(1_000))
    await put_on(database, "partner", since_days=1)
    async with database.part_for("lea").transaction() as tx:
        await revalue_all(tx, WITH_PARTNERS)

    async with database.part_for("lea").transaction() as tx:
        await revalue_all(tx, RULES)
    await hear(a_gift_sent(1_000))

    async with database.transaction() as tx:
        found = await tx.execute(text("SELECT value_minor_per_1000 AS value FROM creators"))
        assert found.scalar_one() == 600
