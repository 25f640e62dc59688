"""A payment is in one bank file for ever, whatever breaks, and the file is what a bank takes."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from services.payout.commands.bank_files import make_due_files
from services.payout.commands.bank_keys import renew_encryption
from services.payout.domain.bank_accounts import Debtor
from services.payout.domain.bank_files import BankPayment
from services.payout.providers.payment_files import write_payment_file
from shared.keyring import Keyring, new_key
from tests.payout.bank.conftest import (
    IBANS,
    KEY,
    OPTIONS,
    WHY,
    a_bank,
    diamonds_of,
    reason_of,
    state_of,
)
from tests.payout.bank.pretend import payments_of

FILES = "/v1/operator/bank-files"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


FILE = UUID("0aa6ce2c-1b7e-4b0e-8f3e-3e6e3a5f6a11")


def a_file(payments, *, at=NOW):
    debtor = Debtor.read(OPTIONS["debtor"])
    return write_payment_file(FILE, payments, debtor, made_at=at, description="Your earnings")


def test_two_hundred_payments_are_a_file_of_the_schema():
    payments = [
        BankPayment(f"c{n}", uuid4(), 1_500 + n, f"Zoë Größe {n}", IBANS[n % 3]) for n in range(200)
    ]

    message, written = payments_of(a_file(payments))

    assert UUID(message) == FILE
    assert written == [
        (each.attempt.hex, f"Zoe Grosse {n}", IBANS[n % 3], Decimal(15) + Decimal(n) / 100)
        for n, each in enumerate(payments)
    ]


def test_the_same_payments_are_the_same_bytes():
    """A bank that is handed a file twice knows it by its id."""
    payments = [BankPayment("lea", uuid4(), 1, "Lea", IBANS[0])]

    assert a_file(payments) == a_file(payments)


async def test_a_payout_waits_for_a_file_and_stands_in_it_once(lea, cash_out, clerk, make_file):
    payout = await cash_out()
    assert await state_of(lea, payout) == "sent"
    assert await diamonds_of(lea) == (0, 3_000)

    message, payments = await make_file()

    ((attempt, name, iban, amount),) = payments
    assert (name, iban, amount) == ("Lea Creatrice", IBANS[0], Decimal("15.00"))
    (line,) = (await clerk.get(FILES)).json()["items"]
    assert UUID(line["file"]).hex == message
    assert (line["payments"], line["amount_minor"], line["unreported"]) == (1, 1_500, 1)
    refused = await clerk.post(FILES, json=WHY)
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing-waits")
    assert UUID(attempt) != UUID(payout)


async def test_two_operators_at_once_make_no_second_payment(creator, cash_out, clerk):
    for user in ("ada", "bea", "cleo"):
        await cash_out(await creator(user), user)

    answers = await asyncio.gather(*(clerk.post(FILES, json=WHY) for _ in range(4)))

    made = [answer.json() for answer in answers if answer.status_code == 201]
    assert sum(each["payments"] for each in made) == 3
    paid = []
    for each in made:
        _, payments = payments_of((await clerk.get(f"{FILES}/{each['file']}")).content)
        paid += [attempt for attempt, *_ in payments]
    assert len(set(paid)) == len(paid) == 3


async def test_a_file_that_was_never_downloaded_is_there_after_a_crash(cash_out, clerk, execute):
    """The operator's answer was lost. The file is the same each time, and there is no other."""
    await cash_out()
    made = (await clerk.post(FILES, json=WHY)).json()["file"]

    first = await clerk.get(f"{FILES}/{made}")
    again = await clerk.get(f"{FILES}/{made}")

    assert first.content == again.content
    assert first.headers["content-type"] == "application/xml"
    (row,) = await execute("SELECT encrypted, bank_files::text AS all FROM bank_files")
    assert IBANS[0].encode() not in row.encrypted
    assert IBANS[0] not in row.all


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE bank_payments SET file = gen_random_uuid()",
        "DELETE FROM bank_payments",
        "DELETE FROM bank_orders",
        "UPDATE bank_orders SET amount_minor = 1",
        "UPDATE bank_files SET payments = 2",
        "UPDATE bank_batches SET payments = 2",
    ],
)
async def test_the_service_itself_cannot_pay_a_payment_again(
    cash_out, make_file, execute, statement
):
    await cash_out()
    await make_file()

    with pytest.raises(Exception, match="permission denied"):
        await execute(statement)


async def test_a_day_has_a_file_of_what_was_ordered_before_its_time(cash_out, database, clerk):
    earlier = _due_at(datetime.now(UTC))
    await cash_out()
    assert not await make_due_files(database, earlier)
    assert (await clerk.get(FILES)).json()["items"] == []

    assert not await make_due_files(database, _due_at(datetime.now(UTC)))

    (line,) = (await clerk.get(FILES)).json()["items"]
    assert line["made_by"] == "schedule"


def _due_at(moment):
    """A bank whose files are due at this time of day."""
    return a_bank(file_at=moment.time(), time_zone="UTC")


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 11, 29, 13, 59, tzinfo=UTC), datetime(2026, 11, 28, 14, tzinfo=UTC)),
        (datetime(2026, 11, 29, 14, 0, tzinfo=UTC), datetime(2026, 11, 29, 14, tzinfo=UTC)),
        # In summer Dublin is an hour ahead.
        (datetime(2026, 7, 1, 13, 30, tzinfo=UTC), datetime(2026, 7, 1, 13, tzinfo=UTC)),
        (datetime(2026, 7, 1, 12, 59, tzinfo=UTC), datetime(2026, 6, 30, 13, tzinfo=UTC)),
    ],
)
def test_the_time_of_day_is_that_of_the_bank(now, due):
    assert a_bank().rules.newest_due(now) == due


async def test_the_days_job_gives_back_what_can_no_longer_be_paid(
    lea, cash_out, execute, database, work, bank
):
    payout = await cash_out()
    await execute("DELETE FROM bank_accounts")

    await make_due_files(database, bank)
    await work()

    assert await state_of(lea, payout) == "failed"
    assert await reason_of(lea, payout) == "account-erased"
    assert await diamonds_of(lea) == (3_000, 0)


async def test_a_payout_that_may_not_be_sent_any_more_is_in_no_file(cash_out, clerk, execute):
    """What was right when it was ordered is looked at again when it is paid."""
    await cash_out()
    await execute("UPDATE attempts SET closed = true")

    assert (await clerk.post(FILES, json=WHY)).status_code == 409


async def test_a_new_key_encrypts_everything_again(cash_out, make_file, clerk, database, execute):
    await cash_out()
    await make_file()
    newest = new_key()
    both, alone = Keyring(f"{newest}\n{KEY}"), Keyring(newest)

    assert not await renew_encryption(database, both)

    tables = ("bank_accounts", "bank_batches", "bank_files")
    rows = [row for table in tables for row in await execute(f"SELECT encrypted FROM {table}")]
    assert len(rows) == 3
    assert all(alone.decrypt(row.encrypted) for row in rows)


async def test_an_operator_who_looks_into_a_file_leaves_a_line(cash_out, clerk):
    await cash_out()
    file = (await clerk.post(FILES, json=WHY)).json()["file"]
    await clerk.get(f"{FILES}/{file}")

    lines = (await clerk.get("/v1/operator/payout/audit")).json()["items"]

    reasons = [(line["action"], line["reason"]) for line in lines]
    assert ("bank_file.made", WHY["reason"]) in reasons
    assert ("read", f"GET {FILES}/{file}") in reasons
