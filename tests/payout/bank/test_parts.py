"""Bank files of an installation with parts: a day has one file, with the payments of all parts."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.payout.commands.bank_batches import collect_payments
from services.payout.commands.bank_files import finish_file, finish_files, make_due_files
from services.payout.commands.bank_keys import renew_encryption
from services.payout.domain.bank_batches import Cutoff
from services.payout.domain.bank_files import KeyMissing
from services.payout.store import bank_batches
from shared.keyring import Keyring, new_key
from shared.postgres.statements import text
from tests.payout.bank.conftest import KEY, WHY, a_bank, diamonds_of, state_of
from tests.payout.bank.pretend import a_report, a_return, payments_of

FILES = "/v1/operator/bank-files"
MADE = "bank_file.made"
HAS_BATCH = text("SELECT FROM bank_batches WHERE file = :file")
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
    """Every file that was made, the newest first: its message id, and the attempts it pays."""

    async def download():
        found = {}
        for line in (await clerk.get(FILES)).json()["items"]:
            message, payments = payments_of((await clerk.get(f"{FILES}/{line['file']}")).content)
            found[message] = [attempt for attempt, *_ in payments]
        return found

    return download


@pytest.fixture
def begin(database):
    """Begin a file of what waits now, as a process that dies next."""

    async def cut_off(payments_max=1_000):
        cutoff = Cutoff(uuid4(), datetime.now(UTC), payments_max, "ops", WHY["reason"])
        async with database.reference.transaction() as tx:
            await bank_batches.add_cutoff(tx, cutoff)
        return cutoff

    return cut_off


def due_now(**options):
    """A bank whose file of the day is due now."""
    return a_bank(file_at=datetime.now(UTC).time(), time_zone="UTC", **options)


def test_the_creators_are_in_three_parts(database):
    assert len({database.part_for(name).number for name in CREATORS}) == len(CREATORS)


async def test_payments_are_in_a_file_once_however_many_make_it(database, paid_to, files):
    await paid_to()

    await asyncio.gather(*(make_due_files(database, due_now()) for _ in range(3)))
    await make_due_files(database, due_now())

    paid = [attempt for attempts in (await files()).values() for attempt in attempts]
    assert len(paid) == len(set(paid)) == len(CREATORS)


async def test_an_operator_makes_one_file_of_all_parts(paid_to, clerk, files):
    await paid_to()

    answers = [await clerk.post(FILES, json=WHY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 409]
    made = answers[0].json()
    assert (made["payments"], made["amount_minor"], made["unreported"]) == (3, 4_500, 3)
    assert [len(attempts) for attempts in (await files()).values()] == [len(CREATORS)]


async def test_what_is_too_much_for_a_file_is_in_the_next_one(database, paid_to, files):
    await paid_to()

    is_more = [await make_due_files(database, due_now(payments_per_file_max=2)) for _ in range(3)]

    assert is_more == [True, False, False]
    newest, first = (await files()).values()
    assert (len(newest), len(first)) == (1, 2)
    assert not set(newest) & set(first)


async def test_a_file_is_finished_by_others_when_its_process_dies(
    database, bank, paid_to, begin, files, clerk
):
    """It died after some parts had written what they pay, and those pay it in this file alone."""
    await paid_to()
    cutoff = await begin()
    async with database.part_for("tomas").transaction() as tx:
        # The process waits for this part when it dies.
        await tx.execute(text("SELECT FROM bank_orders FOR UPDATE"))
        process = asyncio.create_task(finish_file(database, bank, cutoff))
        while not await has_batch(database.part_for("agency"), cutoff.file):
            await asyncio.sleep(0.01)
        process.cancel()
        with suppress(asyncio.CancelledError):
            await process
    assert await files() == {}

    await make_due_files(database, due_now())

    ((message, attempts),) = (await files()).items()
    assert (UUID(message), len(attempts)) == (cutoff.file, len(CREATORS))
    lines = (await clerk.get("/v1/operator/payout/audit")).json()["items"]
    made = [(each["operator"], each["reason"]) for each in lines if each["action"] == MADE]
    assert made == [("ops", WHY["reason"])]


async def test_a_file_that_many_finish_at_once_is_one_file(database, bank, paid_to, begin, files):
    await paid_to()
    cutoff = await begin()

    made = await asyncio.gather(*(finish_file(database, bank, cutoff) for _ in range(4)))

    assert {(file.id, file.payments) for file in made} == {(cutoff.file, len(CREATORS))}
    ((message, attempts),) = (await files()).items()
    assert (UUID(message), len(attempts)) == (cutoff.file, len(CREATORS))


async def test_a_process_that_is_late_adds_nothing_to_a_file_that_is_there(
    database, bank, creators, cash_out, begin, files
):
    """It slept since the file was begun: what was ordered meanwhile is paid by the next file."""
    await cash_out(creators["lea"], "lea")
    cutoff = await begin()
    await finish_file(database, bank, cutoff)
    await cash_out(creators["tomas"], "tomas")
    late = Cutoff(
        cutoff.file, datetime.now(UTC) + timedelta(minutes=1), cutoff.payments_max, "ops", None
    )

    await finish_file(database, bank, late)
    await make_due_files(database, due_now())

    newest, first = (await files()).values()
    assert (len(newest), len(first)) == (1, 1)
    assert newest != first


async def test_a_limit_that_changes_adds_nothing_to_a_file_that_is_begun(
    database, paid_to, begin, files
):
    """Of two processes one has the old limit: both stop where the file says."""
    await paid_to()
    cutoff = await begin(payments_max=2)

    await finish_file(database, a_bank(payments_per_file_max=2), cutoff)
    await finish_file(database, a_bank(payments_per_file_max=3), cutoff)

    assert [len(attempts) for attempts in (await files()).values()] == [2]


async def test_a_file_that_would_pay_nothing_leaves_nothing_to_finish(database, bank, begin, files):
    cutoff = await begin()

    assert await finish_file(database, bank, cutoff) is None

    assert await files() == {}
    async with database.reference.transaction() as tx:
        assert await bank_batches.all_cutoffs(tx) == []


async def test_an_account_that_is_erased_meanwhile_is_paid_as_the_file_says(
    database, bank, creators, paid_to, begin, files, execute
):
    payouts = await paid_to()
    cutoff = await begin()
    await collect_payments(database, bank, cutoff)
    await execute("DELETE FROM bank_accounts WHERE creator = 'lea'")

    await finish_files(database, bank)

    assert [len(attempts) for attempts in (await files()).values()] == [len(CREATORS)]
    assert await state_of(creators["lea"], payouts["lea"]) == "sent"


async def test_a_file_that_is_begun_survives_a_new_key(
    database, bank, paid_to, begin, files, monkeypatch
):
    await paid_to()
    await collect_payments(database, bank, await begin())
    newest = new_key()
    await renew_encryption(database, Keyring(f"{newest}\n{KEY}"))

    monkeypatch.setattr(bank, "keys", Keyring(newest))
    await finish_files(database, bank)

    assert [len(attempts) for attempts in (await files()).values()] == [len(CREATORS)]


async def test_a_file_whose_key_is_gone_is_made_of_no_part_alone(
    database, bank, paid_to, begin, files, monkeypatch
):
    await paid_to()
    await collect_payments(database, bank, await begin())
    monkeypatch.setattr(bank, "keys", Keyring(new_key()))

    with pytest.raises(KeyMissing):
        await finish_files(database, bank)

    assert await files() == {}
    monkeypatch.setattr(bank, "keys", Keyring(KEY))
    await finish_files(database, bank)
    assert [len(attempts) for attempts in (await files()).values()] == [len(CREATORS)]


async def test_reports_are_applied_in_the_parts_of_their_payments(
    database, bank, creators, paid_to, files, bring, clerk
):
    payouts = await paid_to()
    await make_due_files(database, due_now())
    ((file, attempts),) = (await files()).items()

    answer = await bring(a_report(file, [(attempt, "ACSC") for attempt in attempts]))

    assert (answer.json()["statuses"], answer.json()["contradictions"]) == (len(CREATORS), 0)
    assert await states(creators, payouts) == ["paid"] * len(CREATORS)
    (line,) = (await clerk.get(FILES)).json()["items"]
    assert line["unreported"] == 0

    for attempt in attempts:
        await bring(a_return(attempt))

    assert await states(creators, payouts) == ["returned"] * len(CREATORS)


async def test_a_file_that_the_bank_rejects_gives_all_diamonds_back(
    database, creators, paid_to, files, bring
):
    """One word of the bank about the file is said to creators of all parts."""
    payouts = await paid_to()
    await make_due_files(database, due_now())
    ((file, _),) = (await files()).items()

    for _ in range(2):
        await bring(a_report(file, group="RJCT"))

    assert await states(creators, payouts) == ["failed"] * len(CREATORS)
    assert [await diamonds_of(client) for client in creators.values()] == [(3_000, 0)] * 3


async def states(creators, payouts):
    return [await state_of(creators[name], payouts[name]) for name in CREATORS]


async def has_batch(part, file):
    async with part.transaction() as tx:
        return bool(await tx.execute(HAS_BATCH, {"file": file}))
