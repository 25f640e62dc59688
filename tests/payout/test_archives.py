"""Old entries of diamonds leave for an archive; payouts, books and reports say what they said."""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.payout.commands.certificates import read_certificate
from services.payout.commands.republish import facts_between
from services.payout.store import finance
from services.payout.store.archives import ARCHIVE
from services.payout.store.invariants import INVARIANTS
from services.payout.store.queries import diamond_books, money_books
from shared.backoffice.trial_balance import account_lines
from tests.archives import archives_of, much_later
from tests.deliveries import announced, by_id, said_again
from tests.payout.books import close_months
from tests.payout.conftest import a_gift_sent, finish
from tests.payout.entries import A_MONTH
from tests.payout.test_traces import pay_out, trace

__all__ = ["pay_out", "trace"]


@pytest.fixture
def month():
    """The month in which the test begins."""
    return datetime.now(UTC).date().replace(day=1)


@pytest.fixture
async def archives(database, postgres, credentials, monkeypatch, tmp_path):
    about = ARCHIVE, INVARIANTS
    async with archives_of(
        "payout", database, postgres, credentials, monkeypatch, tmp_path, about
    ) as found:
        yield found


@pytest.fixture
async def story(hear, pay_out):
    """Gifts, a payout that is paid, and diamonds that are left."""
    gifts = [a_gift_sent(coins, viewer=f"viewer-{coins}") for coins in (900, 1_100, 2_000)]
    for gift in gifts:
        await hear(gift)
    return gifts, await pay_out(2_500)


@pytest.fixture
def close(database):
    async def close_all():
        await close_months(database, now=datetime.now(UTC) + A_MONTH)

    return close_all


@pytest.fixture
def reports(database, month):
    """Read all that is reported of the whole ledger."""

    async def read():
        later = much_later()
        async with database.part_for("lea").snapshot() as tx:
            middle = datetime.now(UTC) + timedelta(hours=1)
            return (
                await diamond_books(tx),
                await money_books(tx),
                await account_lines(tx, later, has_archives=True),
                await finance.payable(tx, month=month, until=middle, country=None),
                await finance.payable(tx, month=date(2020, 1, 1), until=middle, country=None),
                await finance.dormant(tx, before=later, after="", limit=10),
            )

    return read


async def test_entries_of_open_months_stay(archives, story):
    before = await archives.counts()

    assert await archives.archive() == []
    assert await archives.counts() == before


async def test_books_and_reports_say_the_same_from_an_archive(archives, story, close, reports):
    await close()
    before, (entries, _) = await reports(), await archives.counts()

    (made,) = await archives.archive()

    assert await archives.counts() == (0, entries)
    assert made.entries == entries
    assert await reports() == before
    assert await archives.violations() == []


async def test_the_trace_of_a_payout_is_read_from_an_archive_and_says_so(
    archives, story, close, trace, database
):
    _, payout = story
    before = await trace(payout["payout"], limit=1)
    async with database.part_for("lea").snapshot() as tx:
        certificate = await read_certificate(tx, "lea", payout["payout"])
    await close()
    (made,) = await archives.archive()

    read = await trace(payout["payout"], limit=1)

    assert [page["archive"] for page in read] == [made.file] * len(before)
    assert [{**page, "archive": None} for page in read] == before
    async with database.part_for("lea").snapshot() as tx:
        assert await read_certificate(tx, "lea", payout["payout"]) == certificate


async def test_a_payout_of_archived_diamonds_is_traced_to_their_gifts(
    archives, story, close, hear, pay_out, trace, database
):
    gifts, _ = story
    await close()
    await archives.archive()
    late = a_gift_sent(1_000)
    await hear(late)
    await finish(database)
    second = await pay_out(2_000)

    (page,) = await trace(second["payout"], limit=10)

    assert page["archive"] is None
    assert [(part["gift"], part["diamonds"]) for part in page["items"]] == [
        (str(gifts[-1].gift), 1_500),
        (str(late.gift), 500),
    ]


async def test_a_gift_that_comes_again_earns_nothing_twice(archives, story, close, hear, reports):
    gifts, _ = story
    await close()
    await archives.archive()
    before = await reports()

    for gift in gifts:
        await hear(gift)

    assert await reports() == before
    assert await archives.violations() == []


async def test_what_was_published_is_published_again_from_an_archive(
    archives, story, close, database
):
    before = by_id(await said_again(database, facts_between))
    await close()
    await archives.archive()

    again = by_id(await said_again(database, facts_between))

    assert {key: again.get(key) for key in before} == before
    assert await announced(database, "payout.diamonds_earned")
