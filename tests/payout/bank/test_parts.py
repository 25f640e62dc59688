"""Bank files of an installation with parts: each part makes its own, and no two are alike."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest

from services.payout.commands.bank_files import make_due_files
from shared.runtime.service import in_each_part
from tests.payout.bank.conftest import WHY, a_bank, state_of
from tests.payout.bank.pretend import a_report, a_return, payments_of

FILES = "/v1/operator/bank-files"
CREATORS = ("lea", "agency", "tomas")


@pytest.fixture
def database(database_of):
    return database_of("payout", part_count=16)


@pytest.fixture
async def creators(creator):
    return {name: await creator(name) for name in CREATORS}


@pytest.fixture
def paid_to(creators, cash_out):
    """Let creators of three parts ask for their money: the payout of each."""

    async def ask():
        return {name: await cash_out(client, name) for name, client in creators.items()}

    return ask


@pytest.fixture
def files(clerk):
    """Every file that was made: its message id, and the attempts that it pays."""

    async def download():
        found = {}
        for line in (await clerk.get(FILES)).json()["items"]:
            message, payments = payments_of((await clerk.get(f"{FILES}/{line['file']}")).content)
            found[message] = [attempt for attempt, *_ in payments]
        return found

    return download


def make_all(database):
    """Let the day's job make the files of what was ordered until now."""
    bank = a_bank(file_at=datetime.now(UTC).time(), time_zone="UTC")
    return in_each_part(database, partial(make_due_files, bank=bank))()


def test_the_creators_are_in_three_parts(database):
    assert len({database.part_for(name).number for name in CREATORS}) == len(CREATORS)


async def test_a_day_has_a_file_a_part_and_each_payment_is_in_one(database, paid_to, files):
    await paid_to()

    await asyncio.gather(*(make_all(database) for _ in range(2)))
    await make_all(database)

    made = await files()
    assert [len(attempts) for attempts in made.values()] == [1] * len(CREATORS)
    assert len({attempt for attempts in made.values() for attempt in attempts}) == len(CREATORS)


async def test_an_operator_makes_files_until_nothing_waits(paid_to, clerk, files):
    await paid_to()

    answers = [await clerk.post(FILES, json=WHY) for _ in range(len(CREATORS) + 1)]

    assert [answer.status_code for answer in answers] == [201] * len(CREATORS) + [409]
    assert answers[-1].json()["code"] == "nothing-waits"
    assert len(await files()) == len(CREATORS)


async def test_reports_are_applied_in_the_parts_of_their_payments(
    database, creators, paid_to, files, bring
):
    payouts = await paid_to()
    await make_all(database)
    for file, (attempt,) in (await files()).items():
        answer = await bring(a_report(file, [(attempt, "ACSC")]))
        assert (answer.json()["statuses"], answer.json()["contradictions"]) == (1, 0)
    states = [await state_of(creators[name], payouts[name]) for name in CREATORS]
    assert states == ["paid"] * len(CREATORS)

    for (attempt,) in (await files()).values():
        await bring(a_return(attempt))

    states = [await state_of(creators[name], payouts[name]) for name in CREATORS]
    assert states == ["returned"] * len(CREATORS)
