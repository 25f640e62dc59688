"""Old entries leave for an archive; nothing that was promised of them changes."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.wallet.commands.republish import facts_between
from services.wallet.store.archives import ARCHIVE
from services.wallet.store.invariants import INVARIANTS
from services.wallet.store.queries import totals
from shared.backoffice.trial_balance import account_lines
from shared.ledger.archiving import Retention
from shared.postgres.statements import text
from tests.archives import archives_of, much_later
from tests.clients import a_token, an_operator_token, client_of
from tests.deliveries import announced, by_id, forget_inbox, said_again
from tests.wallet.conftest import a_gift_requested, a_purchase_paid, hearing
from tests.wallet.test_purchase_events import closed, disputed, refund_requested, usage_requested


@pytest.fixture
async def archives(database, postgres, credentials, monkeypatch, tmp_path):
    about = ARCHIVE, INVARIANTS
    async with archives_of(
        "wallet", database, postgres, credentials, monkeypatch, tmp_path, about
    ) as found:
        yield found


@pytest.fixture
def batches():
    """A purchase with a bonus, gifts, one of them refused, a dispute, and a refund under way."""
    paid = a_purchase_paid(coins=100, bonus_coins=10)
    second = a_purchase_paid(coins=500)
    return [
        [paid],
        [a_gift_requested(coins=30) for _ in range(4)],
        [disputed(paid, amount_minor=33)],
        [second],
        [refund_requested(second, uuid4())],
        # In mira's part, so that one archive has both.
        [a_purchase_paid(viewer="otto-5", coins=50)],
        [a_gift_requested(viewer="otto-5", coins=50)],
    ]


@pytest.fixture
async def story(hear, batches):
    """What happened, and is over."""
    for batch in batches:
        await hear(*batch)
    (paid,), gifts, *_ = batches
    return paid, gifts


async def test_archived_entries_leave_the_table_and_the_books_stay_true(archives, story):
    before, _ = await archives.counts()

    (made,) = await archives.archive()

    assert await archives.counts() == (0, before)
    assert made.entries == before
    assert made.keep_until.year == made.last_at.year + 10
    assert [each.name for each in archives.files()] == [made.file.rpartition("/")[2]]
    assert await archives.violations() == []


async def test_entries_that_are_not_old_enough_stay(archives, story):
    before, _ = await archives.counts()

    assert await archives.archive(now=datetime.now(UTC) + timedelta(days=549)) == []
    assert await archives.counts() == (before, 0)


async def test_gifts_go_on_after_an_archive_and_are_archived_in_their_turn(archives, story, hear):
    await archives.archive()

    await hear(a_gift_requested(coins=10), a_gift_requested(viewer="eva-2", coins=1))
    assert await archives.violations() == []
    await archives.archive()
    await hear(a_purchase_paid(coins=7))

    assert len(archives.files()) == 2
    assert await archives.violations() == []


async def test_many_blocks_make_several_archives(archives, hear):
    for _ in range(4):
        await hear(a_purchase_paid())
        await archives.seal()

    made = await archives.archive(entries_max=2)

    assert [(each.first_block, each.last_block) for each in made] == [(1, 2), (3, 4)]
    assert await archives.violations() == []


async def test_a_gift_that_comes_again_is_answered_as_it_was(archives, story, hear, database, held):
    _paid, gifts = story
    told = [
        *await announced(database, "wallet.gift_paid"),
        *await announced(database, "wallet.gift_refused"),
    ]
    balances = await held()
    await archives.archive()
    await forget_outbox(database)

    await hear(*gifts)

    again = await announced(database)
    assert len(again) == 4
    assert sorted(again, key=by_gift) == sorted(
        (each for each in told if each["viewer"] == "mira"), key=by_gift
    )
    assert await held() == balances
    assert await archives.violations() == []


def by_gift(fact):
    return fact["gift"]


async def forget_outbox(database):
    """Empty the outbox, as the relay does."""
    async with database.part_for("mira").transaction() as tx:
        await tx.execute(text("DELETE FROM outbox"))


async def test_a_purchase_that_comes_again_brings_no_coins_twice(
    archives, story, hear, database, held
):
    paid, _ = story
    balances = await held()
    await archives.archive()
    await forget_inbox(database)

    await hear(paid)

    assert await held() == balances
    assert await archives.violations() == []


LATE = {
    "a dispute": lambda paid: [disputed(paid, dispute="late")],
    "a dispute that is won": lambda paid: [
        disputed(paid, dispute="late"),
        closed(paid, dispute="late", won=True),
    ],
    "a dispute of a part": lambda paid: [disputed(paid, dispute="late", amount_minor=50)],
    "what was open is won": lambda paid: [closed(paid, won=True)],
    "a question": lambda paid: [usage_requested(paid, uuid4())],
}


@pytest.mark.parametrize("late", LATE)
async def test_what_comes_late_does_the_same_as_without_an_archive(
    archives, database_of, settings, batches, story, hear, database, late
):
    paid, _ = story
    facts = LATE[late](paid)
    await archives.archive()

    for fact in facts:
        await hear(fact)

    elsewhere = database_of("wallet")
    hear_elsewhere = hearing(elsewhere, settings)
    for batch in (*batches, *([fact] for fact in facts)):
        await hear_elsewhere(*batch)
    assert await announced(database) == await announced(elsewhere)
    assert await coins_of(database) == await coins_of(elsewhere)
    assert await archives.violations() == []


async def coins_of(database):
    """Where all coins are."""
    async with database.part_for("mira").snapshot() as tx:
        accounts = await tx.execute(text("SELECT * FROM accounts ORDER BY user_id, kind"))
        lots = await tx.execute(
            text("SELECT to_jsonb(lots) - 'recorded_at' AS lot FROM lots ORDER BY user_id, id")
        )
    return [tuple(row) for row in accounts], [row.lot for row in lots]


async def test_a_history_is_read_from_both_and_says_where(archives, story, hear, app):
    """Page by page, without gaps, and as it was before."""
    before = await pages(app, "/v1/wallets/me/movements")
    (made,) = await archives.archive()
    await hear(a_purchase_paid(coins=100))
    await hear(a_gift_requested(coins=10), a_gift_requested(coins=20))

    read = await pages(app, "/v1/wallets/me/movements")

    assert [line["archive"] for line in read] == [None] * 3 + [made.file] * len(before)
    assert [{**line, "archive": None} for line in read[3:]] == before


async def test_the_gifts_of_a_purchase_are_read_from_both_and_say_where(archives, story, hear, app):
    paid, _gifts = story
    path = f"/v1/operator/wallets/mira/purchases/{paid.purchase}/gifts"
    before = await pages(app, path, operator="wallets:read")
    (made,) = await archives.archive()

    read = await pages(app, path, operator="wallets:read")

    assert len(before) == 3
    assert read == [{**line, "archive": made.file} for line in before]


async def pages(app, path, *, operator=None):
    token = an_operator_token(operator) if operator else a_token("mira")
    seen, cursor = [], None
    async with client_of(app, token) as client:
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(path, params=params)).json()
            seen += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return seen


async def test_totals_and_trial_balance_stay_the_same(archives, story, hear, database):
    """Also of an hour that ended in the middle of what an archive has."""
    books, middle = await books_of(database), await middle_of(database)
    moments = (middle, much_later())
    balances = [await balance_at(database, moment) for moment in moments]
    await archives.archive()

    assert await books_of(database) == books
    assert [await balance_at(database, moment) for moment in moments] == balances
    assert balances[0] != balances[1]


async def books_of(database):
    async with database.part_for("mira").snapshot() as tx:
        return dict(await totals(tx))


async def balance_at(database, moment):
    async with database.part_for("mira").snapshot() as tx:
        return await account_lines(tx, moment, has_archives=True)


async def middle_of(database):
    async with database.part_for("mira").snapshot() as tx:
        rows = await tx.execute(text("SELECT recorded_at FROM entries ORDER BY recorded_at"))
    return rows[len(rows) // 2].recorded_at


async def test_what_was_published_is_published_again_from_both(archives, story, database, hear):
    before = by_id(await said_again(database, facts_between))
    await archives.archive()

    again = by_id(await said_again(database, facts_between))

    assert {key: again.get(key) for key in before} == before


async def test_a_person_exports_what_is_in_archives_too(archives, story, app):
    await archives.archive()

    async with client_of(app, a_token("mira")) as mira:
        lines = (await mira.get("/v1/me/export/wallet")).text.splitlines()

    assert sum('"kind":"archived_entries"' in line for line in lines) == 9


async def test_gifts_go_on_while_entries_are_archived(archives, story, hear, held):
    await hear(a_purchase_paid(coins=1_000))

    async def give():
        for _ in range(20):
            await hear(a_gift_requested(coins=1))

    await asyncio.gather(give(), archives.archive(entries_max=3))

    assert (await archives.counts())[0] >= 0
    await archives.archive()
    assert await archives.violations() == []


async def test_a_page_that_is_read_while_entries_move_has_each_of_them_once(archives, story, app):
    before = await pages(app, "/v1/wallets/me/movements")
    await archives.seal()

    read = await asyncio.gather(
        *(pages(app, "/v1/wallets/me/movements") for _ in range(5)),
        archives.archive(entries_max=1),
    )

    for each in read[:-1]:
        assert [{**line, "archive": None} for line in each] == before


def test_an_age_below_the_time_of_disputes_is_refused():
    with pytest.raises(ValueError, match="540"):
        Retention(after_days=90, dispute_days=540, keep_years=10)
