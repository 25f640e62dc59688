"""Payouts that their creators do not ask for: each period one, whatever restarts."""

import asyncio
from datetime import datetime, timedelta

import pytest

from services.payout.commands.schedules import request_due
from services.payout.domain.schedules import Schedule, ScheduleKind, next_period, next_try
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.payout.conftest import RULES, a_gift_sent, finish, quote, request

PATH = "/v1/payouts/schedule"


@pytest.fixture
def run(database):
    """Let the job run at a time."""

    async def work(at):
        return await request_due(database, RULES, now=at)

    return work


async def made(database):
    async with database.transaction() as tx:
        rows = await tx.execute(
            text("SELECT idempotency_key, state, amount_minor, currency FROM payouts ORDER BY 1")
        )
        return [tuple(row) for row in rows]


async def choose(client, **wanted):
    return await client.put(PATH, json=wanted)


async def next_at(client):
    """When the next payout is requested."""
    return datetime.fromisoformat((await client.get(PATH)).json()["next_at"])


async def test_a_weekly_payout_is_requested_when_the_next_week_begins(lea, rich, run, database):
    await rich(10_000)
    await choose(lea, kind="weekly")
    begins = await next_at(lea)
    await run(begins - timedelta(seconds=1))
    assert await made(database) == []

    await run(begins)

    ((key, state, amount_minor, currency),) = await made(database)
    assert key.startswith("auto:")
    assert "-W" in key
    assert (state, amount_minor, currency) == ("approved", 5_000, "USD")
    assert (await lea.get(PATH)).json()["last_refusal"] is None
    assert await next_at(lea) - begins == timedelta(days=7)


async def test_several_workers_and_restarts_request_it_once(lea, rich, run, database):
    await rich(10_000)
    await choose(lea, kind="monthly")
    begins = await next_at(lea)
    await asyncio.gather(*(run(begins) for _ in range(4)))
    await finish(database)
    # The creator changes their mind twice within the month.
    await choose(lea, kind="weekly")
    await choose(lea, kind="monthly")
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text("UPDATE payout_schedules SET next_at = :at"), {"at": begins})
    await run(begins + timedelta(days=1))

    assert len(await made(database)) == 1


async def test_a_refusal_is_shown_and_tried_again_the_next_day(lea, rich, run, hear, database):
    await lea.put("/v1/payouts/payees/USD", json={"destination": "acct_ok_lea"})
    await choose(lea, kind="monthly")
    begins = await next_at(lea)
    await run(begins)

    assert (await lea.get(PATH)).json()["last_refusal"] == "below-minimum"
    assert await next_at(lea) - begins == timedelta(days=1)
    await hear(a_gift_sent(3_000))
    await run(begins + timedelta(days=1))

    assert [state for _, state, *_ in await made(database)] == ["approved"]
    assert (await lea.get(PATH)).json()["last_refusal"] is None


async def test_above_a_threshold_a_payout_is_requested_when_there_is_enough(
    lea, rich, run, hear, database
):
    await rich(4_000)
    await choose(lea, kind="above", threshold_diamonds=5_000)
    await run(await next_at(lea))
    assert await made(database) == []
    assert (await lea.get(PATH)).json()["last_refusal"] == "below-threshold"
    await hear(a_gift_sent(1_000))

    await run(await next_at(lea))

    ((key, _, amount_minor, _),) = await made(database)
    assert (amount_minor, len(key)) == (2_500, len("auto:2026-11-30"))


@pytest.mark.parametrize("obstacle", ["payout-open", "payee-resting", "payee-missing"])
async def test_the_same_checks_stand_in_its_way(lea, rich, run, hear, database, obstacle):
    if obstacle == "payee-missing":
        await hear(a_gift_sent(10_000))
    else:
        await rich(10_000)
    if obstacle == "payout-open":
        await request(lea, await quote(lea, diamonds=2_000))
    if obstacle == "payee-resting":
        async with database.part_for("lea").transaction() as tx:
            await tx.execute(text("UPDATE payees SET usable_at = now() + interval '90 days'"))
    before = await made(database)
    await choose(lea, kind="weekly")

    await run(await next_at(lea))

    assert (await lea.get(PATH)).json()["last_refusal"] == obstacle
    assert await made(database) == before


async def test_a_large_one_is_reviewed_like_any_other(lea, rich, run, database):
    await rich()
    await choose(lea, kind="weekly")
    await run(await next_at(lea))

    assert [state for _, state, *_ in await made(database)] == ["held"]


async def test_none_ends_it_and_nothing_is_the_beginning(lea, rich, run, database):
    await rich(10_000)
    assert (await lea.get(PATH)).json()["kind"] == "none"
    await choose(lea, kind="weekly")
    begins = await next_at(lea)
    assert (await choose(lea, kind="none")).json()["next_at"] is None

    await run(begins)

    assert await made(database) == []


async def test_a_choice_is_one_row_however_often(lea, database):
    for _ in range(3):
        await choose(lea, kind="weekly")
        await choose(lea, kind="monthly")
    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT kind FROM payout_schedules"))
        assert [row.kind for row in rows] == ["monthly"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "hourly"},
        {"kind": "above"},
        {"kind": "weekly", "threshold_diamonds": 5},
        {"kind": "above", "threshold_diamonds": 0},
        {"kind": "weekly", "currency": "CHF"},
        {"kind": "weekly", "currency": "dollars"},
    ],
)
async def test_what_cannot_be_chosen_is_refused(lea, wrong):
    assert (await choose(lea, **wrong)).status_code == 422


async def test_the_young_choose_nothing_but_to_end_it(lea):
    token = a_token("lea", roles=["creator"], age_verified=15)
    async with client_of(lea.app, token) as young:
        refused = await choose(young, kind="weekly")
        ended = await choose(young, kind="none")

    assert (refused.status_code, refused.json()["code"]) == (403, "too-young")
    assert ended.status_code == 200


def a_schedule(kind):
    return Schedule("lea", kind, None, "USD", 30, None, None, None, None)


@pytest.mark.parametrize(
    ("kind", "now", "period", "begins"),
    [
        ("weekly", "2026-12-30T10:00:00+00:00", "auto:2026-W53", "2027-01-04T00:00:00+01:00"),
        ("weekly", "2027-01-03T23:30:00+00:00", "auto:2027-W01", "2027-01-11T00:00:00+01:00"),
        ("monthly", "2026-02-28T23:30:00+00:00", "auto:2026-03", "2026-04-01T00:00:00+02:00"),
        ("monthly", "2026-12-31T10:00:00+00:00", "auto:2026-12", "2027-01-01T00:00:00+01:00"),
        ("above", "2026-03-28T23:30:00+00:00", "auto:2026-03-29", "2026-03-30T00:00:00+02:00"),
    ],
)
def test_periods_begin_where_the_operators_days_do(kind, now, period, begins):
    at, zone = datetime.fromisoformat(now), "Europe/Berlin"
    schedule = a_schedule(ScheduleKind(kind))

    assert schedule.key(at, zone) == period
    assert next_period(schedule.kind, at, zone) == datetime.fromisoformat(begins)
    assert at < next_try(schedule, at, zone) <= at + timedelta(days=1)
