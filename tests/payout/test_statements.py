"""Statements: what was there, what changed and what is left; once closed, the same for ever."""

import asyncio
import csv
import io
from collections import ChainMap
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.payout.commands.adjustments import decide_payout_adjustment
from services.payout.commands.valuations import open_books
from services.payout.domain.earnings import ADJUSTED, post
from services.payout.domain.fees import FeeRules, PayoutFee
from services.payout.domain.payouts import ProviderStatus
from services.payout.main import build_http
from services.payout.store import attempts
from shared.backoffice.adjustments import AdjustmentRequest, request_adjustment
from shared.contracts.gift import GiftRestored
from shared.ledger.entries import MAIN
from shared.postgres.statements import text
from tests.clients import a_token, a_verifier, client_of
from tests.payout.books import close_months, violations
from tests.payout.conftest import PAYEE, RULES, a_gift_sent
from tests.payout.documents import words
from tests.payout.entries import A_MONTH, entries_of, record_within_the_month_of, replayed
from tests.payout.test_maturity import reversal

FEES = FeeRules(pass_through=True, providers={"sandbox": PayoutFee(0, 37, 37)})
WITH_FEE = replace(RULES, fees=FEES)


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await violations(database) == []


@pytest.fixture
def now():
    """When the test begins."""
    return datetime.now(UTC)


@pytest.fixture
def month(now):
    """The month in which the test begins; what the test records is of that month."""
    return f"{now:%Y-%m}"


@pytest.fixture
def keep_month(database, postgres, now):
    """Let what was recorded so far be of the month in which the test began."""
    return lambda: record_within_the_month_of(database, postgres, now)


@pytest.fixture
def close(database, now, keep_month):
    """Let so many months be over, and close them; what comes later is of the next month."""

    async def pass_by(months=1):
        keep_month()
        await close_months(database, now=now + months * A_MONTH)

    return pass_by


@pytest.fixture
def statement(lea, month, keep_month):
    async def read(period=month, **query):
        keep_month()
        answer = await lea.get(f"/v1/earnings/me/statements/{period}", params=query)
        assert answer.status_code == 200, answer.text
        return answer if query else answer.json()

    return read


@pytest.fixture
async def accountant(lea):
    token = a_token("fin", roles=["operator"], scope="finance:read")
    async with client_of(lea.app, token) as client:
        yield client


@pytest.fixture
def correct(database):
    """Correct lea's diamonds, as two operators agree on."""

    async def post(diamonds):
        order = AdjustmentRequest("payout", "lea", diamonds, "why", "ann", uuid4().hex, b"h")
        async with database.part_for("lea").transaction() as tx:
            asked = await request_adjustment(tx, order)
            await decide_payout_adjustment(tx, asked.id, "bob", True, "c", rules=RULES)

    return post


@pytest.fixture
def paid_out(database, provider, apply_status):
    """Pay so many diamonds out, with a fee; returns the attempt, to say more of it."""

    async def pay(diamonds):
        app = build_http(database, a_verifier(), {"sandbox": provider}, WITH_FEE)
        async with client_of(app, a_token("lea", roles=["creator"])) as client:
            await client.put(PAYEE, json={"destination": "acct_ok_lea"})
            quote = (await client.post("/v1/payouts/quotes", json={"diamonds": diamonds})).json()
            headers = {"Idempotency-Key": uuid4().hex}
            asked = {"quote": quote["quote"]}
            answer = await client.post("/v1/payouts", json=asked, headers=headers)
            assert answer.status_code == 201, answer.text
        async with database.part_for("lea").transaction() as tx:
            await attempts.open_for_approved(tx, 10)
            (claimed,) = await attempts.claim_due(tx, 10)
        await apply_status(claimed, ProviderStatus.PAID)
        return claimed

    return pay


@pytest.fixture
def story(hear, correct, paid_out, apply_status):
    """Everything that a statement has a line for."""

    async def tell():
        gift, taken = a_gift_sent(7_001), a_gift_sent(503)
        await hear(gift, taken, a_gift_sent(11))
        await hear(reversal(taken, 1, 503))
        await hear(reversal(taken, 2, 100, contract=GiftRestored))
        await correct(-7)
        returned = await paid_out(2_500)
        await apply_status(returned, ProviderStatus.RETURNED, reason="closed")
        await paid_out(3_000)

    return tell


def lines_of(balance):
    return {line["line"]: line["amount"] for line in balance["lines"]}


def by_unit(statement):
    return {each["unit"]: each for each in (statement["diamonds"], *statement["money"])}


def balances_of(statement, name):
    return {unit: each[name] for unit, each in by_unit(statement).items() if each[name]}


async def test_opening_and_lines_are_closing_and_closing_is_what_the_ledger_has(
    database, story, statement
):
    await story()

    found = await statement()

    assert found["is_closed"] is False
    for balance in by_unit(found).values():
        assert balance["opening"] + sum(lines_of(balance).values()) == balance["closing"]
    assert balances_of(found, "closing") == replayed(await entries_of(database))


async def test_each_line_says_what_changed(story, statement):
    await story()

    found = await statement()

    assert lines_of(found["diamonds"]) == {
        "gifts": 7_515,
        "clawbacks": -503,
        "restorations": 403,
        "adjustments": -7,
        "payouts": -3_000,
    }
    (money,) = found["money"]
    # A thousand diamonds are five dollars; 37 cents of each payout are kept.
    assert lines_of(money)["payouts"] == -(1_500 - 37)
    assert lines_of(money)["fees"] == -37
    assert {line["line"]: line["entries"] for line in found["diamonds"]["lines"]} == {
        "gifts": 3,
        "clawbacks": 1,
        "restorations": 1,
        "adjustments": 1,
        "payouts": 3,
    }


async def test_a_month_opens_where_the_one_before_closed(story, close, hear, statement, lea):
    await story()
    await close(1)
    await hear(a_gift_sent(90))
    await close(2)
    await hear(a_gift_sent(9))

    listed = (await lea.get("/v1/earnings/me/statements")).json()["items"]
    months = [each["period"] for each in listed if len(each["period"]) == 7]
    found = [await statement(month) for month in reversed(months[1:])]
    assert len(found) == 2
    assert [each["is_closed"] for each in found] == [True, True]
    before, after = found
    assert balances_of(before, "opening") == {}
    assert balances_of(before, "closing") == balances_of(after, "opening")
    assert lines_of(after["diamonds"]) == {"gifts": 90}


async def test_the_list_says_what_each_period_brought_and_paid_whether_closed_or_not(
    story, close, lea, hear
):
    await story()
    await close(1)
    await hear(a_gift_sent(90))

    listed = (await lea.get("/v1/earnings/me/statements")).json()["items"]

    months = [each for each in listed if len(each["period"]) == 7]
    assert [each["earned_diamonds"] for each in months] == [90, 7_515 - 503 + 403 - 7]
    assert [each["paid_out"] for each in months] == [
        [],
        [{"amount_minor": 1_463, "currency": "USD"}],
    ]
    years = [each for each in listed if len(each["period"]) == 4]
    assert sum(each["earned_diamonds"] for each in years) == 7_408 + 90


async def test_a_closed_month_never_changes(story, close, hear, statement, correct):
    gift = a_gift_sent(800)
    await hear(gift)
    await story()
    await close()
    forms = ("csv", "html", "pdf")
    before = [await statement(), *[(await statement(format=form)).content for form in forms]]

    await hear(reversal(gift, 1, 800))
    await hear(a_gift_sent(1))
    await correct(5)
    await close(1)
    await close(3)

    after = [await statement(), *[(await statement(format=form)).content for form in forms]]
    assert after == before


async def test_self_bills_of_a_year_are_numbered_without_gaps(
    hear, close, lea, database, paid_out, month
):
    """A month in which nothing was earned has no number; each year begins anew."""
    await hear(a_gift_sent(3_000))
    await close(1)
    await paid_out(2_000)
    await close(2)
    for months in range(3, 15):
        await hear(a_gift_sent(10))
        await close(months)

    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT year, number FROM statements ORDER BY month"))
    by_year = {}
    for row in rows:
        by_year.setdefault(row.year, []).append(row.number)
    assert sum(number is None for numbers in by_year.values() for number in numbers) == 1
    assert len(by_year) >= 2
    for numbers in by_year.values():
        counted = [number for number in numbers if number is not None]
        assert counted == list(range(1, len(counted) + 1))
    listed = (await lea.get("/v1/earnings/me/statements")).json()["items"]
    assert f"EX-SB-{month[:4]}-01" in {each["number"] for each in listed}


async def test_months_that_are_closed_twice_at_once_are_closed_once(
    hear, database, now, keep_month
):
    await hear(*(a_gift_sent(10, creator=f"creator-{n}") for n in range(60)))
    keep_month()
    later = now + A_MONTH

    await asyncio.gather(*(close_months(database, now=later) for _ in range(2)))
    await close_months(database, now=later)

    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT number, count(*) AS n FROM statements GROUP BY 1"))
        assert [dict(row) for row in rows] == [{"number": 1, "n": 60}]
        rows = await tx.execute(text("SELECT sum(amount) FROM statement_lines"))
        assert rows.scalar_one() == 60 * (10 + 5)


async def test_an_entry_that_is_on_its_way_still_is_in_its_month(
    hear, meanwhile, close, statement, lea
):
    """It got its time before the month was closed, and commits while the month is closed."""
    await hear(a_gift_sent(10))

    async with meanwhile(close) as (tx, _):
        book = await open_books(tx, [("lea", "correction")], RULES)
        about = {"kind": "adjustment", "reference": "correction", "request_hash": b""}
        post(book["lea"], {MAIN: 5, ADJUSTED: -5}, RULES, **about)
        book["lea"].record_result("{}")
        await book.write(tx)

    listed = (await lea.get("/v1/earnings/me/statements")).json()["items"]
    found = [await statement(each["period"]) for each in listed if len(each["period"]) == 7]
    assert all(each["is_closed"] for each in found)
    lines = [lines_of(each["diamonds"]) for each in reversed(found)]
    assert dict(ChainMap(*lines)) == {"gifts": 10, "adjustments": 5}


async def test_an_entry_of_a_clock_that_was_set_back_changes_no_closed_month(
    hear, close, statement, database
):
    await hear(a_gift_sent(10))
    await close()
    before = await statement()

    # Recorded today, though the month is closed already.
    await hear(a_gift_sent(20))
    await close(2)

    assert await statement() == before
    assert replayed(await entries_of(database)) == {"diamonds": 30, "USD": 15}


async def test_a_month_ends_at_midnight_of_the_operators_zone(
    hear, database, statement, now, keep_month
):
    await hear(a_gift_sent(10))
    keep_month()
    end = (now.replace(day=1, hour=0, minute=0, second=0) + A_MONTH).replace(day=1)

    for minutes, closed in ((-60, False), (5, False), (11, True)):
        await close_months(database, now=end + timedelta(minutes=minutes))
        assert (await statement())["is_closed"] is closed


async def test_a_year_is_its_months(story, close, statement, month):
    await story()
    await close()

    of_year, of_month = await statement(month[:4]), await statement()

    assert by_unit(of_year) == by_unit(of_month)
    assert of_year["numbers"] == of_month["numbers"] == [f"EX-SB-{month[:4]}-01"]
    assert of_year["first_day"] == f"{month[:4]}-01-01"


async def test_all_forms_say_the_same(story, close, statement, month):
    await story()
    await close()
    found = await statement()
    (money,) = found["money"]

    page, file = await statement(format="html"), await statement(format="pdf")
    sheet = list(csv.DictReader(io.StringIO((await statement(format="csv")).text)))

    for answer in (page, file):
        assert answer.headers["cache-control"] == "private, no-store"
        shown = words(answer)
        for part in (
            *("Example Live Ltd.", f"Statement {month}", "Gifts (3) 7,515 diamonds"),
            *("Gifts taken back -503 diamonds", "Fees -0.37 USD", "lea"),
            f"Closing balance {money['closing'] / 100:.2f} USD",
        ):
            assert part in shown
    assert [each["amount"] for each in sheet if each["line"] == "closing"] == [
        str(found["diamonds"]["closing"]),
        str(money["closing"]),
    ]


async def test_a_statement_is_its_creators_own(story, close, lea, accountant, month):
    await story()
    await close()
    path = f"statements/{month}"

    async with client_of(lea.app, a_token("eve", roles=["creator"])) as eve:
        foreign = await eve.get(f"/v1/earnings/lea/{path}")
        none = await eve.get(f"/v1/earnings/me/{path}")
        viewer = await eve.get(f"/v1/operator/creators/lea/{path}")
    of_lea = await accountant.get(f"/v1/operator/creators/lea/{path}")

    assert (foreign.status_code, foreign.json()["code"]) == (403, "not-yours")
    assert (none.status_code, none.json()["code"]) == (404, "no-statement")
    assert (viewer.status_code, viewer.json()["code"]) == (403, "scope-missing")
    assert of_lea.json() == (await lea.get(f"/v1/earnings/me/{path}")).json()
