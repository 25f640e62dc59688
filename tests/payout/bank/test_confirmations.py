"""One person alone ends no large payment: a colleague brings the bank's report as well."""

import asyncio

import pytest

from services.payout.commands.metrics import report as measure
from tests.metrics import metric
from tests.payout.bank.conftest import a_bank, diamonds_of, state_of
from tests.payout.bank.pretend import a_report, a_return

REPORTS = "/v1/operator/bank-reports"
AMOUNT_MINOR = 1_500


@pytest.fixture(autouse=True)
def careful(bank):
    """The payments of these tests are large ones."""
    bank.rules = a_bank(confirm_above_minor=AMOUNT_MINOR - 1).rules


@pytest.fixture
async def colleague(client_as):
    return await client_as("ada", roles=["operator"], scope="bank-files:write")


@pytest.fixture
def bring(work):
    """Let a person bring a report, and the worker look at what it says."""

    async def give(person, report):
        answer = await person.post(REPORTS, content=report)
        await work()
        return answer

    return give


@pytest.fixture
async def paid(cash_out, make_file):
    payout = await cash_out()
    file, ((attempt, *_),) = await make_file()
    return payout, file, attempt


@pytest.mark.parametrize(
    ("code", "state", "diamonds"),
    [("ACSC", "paid", (0, 0)), ("RJCT", "failed", (3_000, 0)), ("return", "returned", (3_000, 0))],
)
async def test_a_report_that_ends_a_large_payment_counts_once_two_people_have_brought_it(
    *, lea, paid, clerk, colleague, bring, code, state, diamonds
):
    payout, file, attempt = paid
    report = a_return(attempt) if code == "return" else a_report(file, [(attempt, code)])

    first = (await bring(clerk, report)).json()
    again = (await bring(clerk, report)).json()
    assert (first["applied_at"], first["statuses"]) == (None, 1)
    assert again == first
    assert await state_of(lea, payout) == "sent"

    confirmed = (await bring(colleague, report)).json()

    assert confirmed["applied_at"] is not None
    assert (confirmed["received_by"], confirmed["confirmed_by"]) == ("ops", "ada")
    assert (await bring(clerk, report)).json() == confirmed
    assert await state_of(lea, payout) == state
    assert await diamonds_of(lea) == diamonds


async def test_the_same_person_by_another_spelling_is_no_colleague(
    lea, paid, clerk, client_as, bring
):
    payout, file, attempt = paid
    report = a_report(file, [(attempt, "RJCT")])
    again = await client_as("OPS", roles=["operator"], scope="bank-files:write")

    await bring(clerk, report)
    answer = await bring(again, report)

    assert answer.json()["applied_at"] is None
    assert await state_of(lea, payout) == "sent"


async def test_two_people_who_bring_a_report_at_once_are_two_people(
    lea, paid, clerk, colleague, work
):
    payout, file, attempt = paid
    report = a_report(file, [(attempt, "ACSC")])

    await asyncio.gather(*(each.post(REPORTS, content=report) for each in (clerk, colleague)))
    await work()

    assert await state_of(lea, payout) == "paid"


async def test_other_words_of_another_person_confirm_nothing(lea, paid, clerk, colleague, bring):
    payout, file, attempt = paid

    await bring(clerk, a_report(file, [(attempt, "RJCT")]))
    await bring(colleague, a_report(file, [(attempt, "RJCT")]))

    assert await state_of(lea, payout) == "sent"


async def test_a_small_payment_and_one_that_goes_on_need_no_colleague(
    bank, lea, paid, clerk, bring
):
    payout, file, attempt = paid

    on_its_way = await bring(clerk, a_report(file, [(attempt, "ACSP")]))
    assert on_its_way.json()["applied_at"] is not None
    bank.rules = a_bank(confirm_above_minor=AMOUNT_MINOR).rules
    await bring(clerk, a_report(file, [(attempt, "ACSC")]))

    assert await state_of(lea, payout) == "paid"


async def test_what_a_report_contradicts_is_told_once_it_counts(paid, clerk, colleague, bring):
    _, file, attempt = paid
    both = a_report(file, [(attempt, "RJCT"), ("f" * 32, "RJCT")])
    before = metric("ovation_contradictions_total", kind="bank-report")

    await bring(clerk, both)
    assert metric("ovation_contradictions_total", kind="bank-report") == before
    await bring(colleague, both)

    assert metric("ovation_contradictions_total", kind="bank-report") == before + 1


async def test_each_of_both_leaves_a_line_in_the_audit_log(paid, clerk, colleague, bring):
    _, file, attempt = paid
    report = a_report(file, [(attempt, "RJCT")])
    await bring(clerk, report)
    await bring(colleague, report)

    lines = (await clerk.get("/v1/operator/payout/audit")).json()["items"]

    done = {(each["operator"], each["action"]) for each in lines}
    assert {("ops", "bank_report.received"), ("ada", "bank_report.confirmed")} <= done


async def test_a_report_that_waits_for_a_colleague_is_measured(
    paid, clerk, colleague, bring, database
):
    _, file, attempt = paid
    report = a_report(file, [(attempt, "ACSC")])

    async def waited():
        async with database.transaction() as tx:
            await measure(tx)
        return metric("ovation_bank_reports_oldest_age_seconds")

    await bring(clerk, report)
    assert await waited() > 0
    await bring(colleague, report)

    assert await waited() == 0
