"""Whatever is done to the books behind our back is found, and said what it is."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from services.wallet.commands.verification import INVARIANTS, publish_block
from shared.contracts.purchase import PurchaseDisputed, PurchaseRefundRequested
from shared.ledger.sealing import broken_seals, seal
from shared.ledger.verification import Progress, Violation, verify_ledger
from shared.postgres.database import Database
from tests.deliveries import announced
from tests.wallet.conftest import a_gift_requested, a_purchase_paid


@pytest.fixture
async def books(database, hear):
    """A wallet with everything in it: gifts, a refusal, a refund under way, a debt that is paid."""
    for viewer in ("mira", "otto"):
        paid = a_purchase_paid(viewer=viewer, coins=100, bonus_coins=10)
        await hear(paid)
        await hear(*(a_gift_requested(viewer=viewer, coins=40) for _ in range(3)))
        await hear(
            PurchaseDisputed(
                purchase=paid.purchase,
                viewer=viewer,
                dispute="dp",
                revision=1,
                amount_minor=99,
                currency="USD",
                reason="fraudulent",
            )
        )
        second = a_purchase_paid(viewer=viewer, coins=500)
        await hear(second)
        await hear(
            PurchaseRefundRequested(
                purchase=second.purchase, viewer=viewer, refund=uuid4(), requested_by="viewer"
            )
        )
    return database


@pytest.fixture
async def owner(postgres, books):
    """Somebody who can do what the service cannot: the database's administrator."""
    name = books.address.database
    database = Database(postgres.dsn(name))
    yield database
    await database.close()


async def faults(database):
    async with database.snapshot() as tx:
        return [
            found async for found in verify_ledger(tx, INVARIANTS) if isinstance(found, Violation)
        ]


async def seal_all(database):
    while True:
        async with database.transaction() as tx:
            block = await seal(tx)
            if block is None:
                return
            await publish_block(tx, block)


async def broken(database):
    async with database.snapshot() as tx:
        return [found async for found in broken_seals(tx) if isinstance(found, Violation)]


async def run(owner, statement):
    async with owner.transaction() as tx:
        await tx.execute(text(statement))


async def test_honest_books_have_no_faults(books):
    await seal_all(books)

    assert await faults(books) == []
    assert await broken(books) == []


async def test_a_proof_says_how_far_it_is(books):
    async with books.snapshot() as tx:
        found = [step async for step in verify_ledger(tx, INVARIANTS) if isinstance(step, Progress)]

    assert found[-1].users == 2
    assert found[-1].postings > 20


TAMPERINGS = {
    "balance-is-its-postings": "UPDATE accounts SET balance = balance + 1 WHERE kind = 'held'",
    "entry-sums-to-zero": """
        DELETE FROM postings WHERE account = '@spent' AND (user_id, entry) = (
            SELECT user_id, min(entry) FROM postings WHERE account = '@spent'
            GROUP BY user_id LIMIT 1)
    """,
    "balance-after-follows": """
        UPDATE postings SET balance_after = balance_after + 1 WHERE account = 'held'
    """,
    "entry-has-postings": """
        INSERT INTO postings (user_id, entry, account, asset, amount, balance_after)
        VALUES ('mira', 99, 'main', 'coins', 5, 5), ('mira', 99, '@issued', 'coins', -5, NULL)
    """,
    "entry-has-its-outcome": """
        UPDATE outcomes SET entry = NULL WHERE reference LIKE 'freeze:%'
    """,
    "decisions-are-counted": """
        DELETE FROM outcomes WHERE entry IS NULL
    """,
    "lots-are-balances": """
        UPDATE lots SET remaining = remaining - 1, charged_back = charged_back + 1, held = held - 1
        WHERE held > 0
    """,
    "slices-are-gifts": "UPDATE slices SET coins = coins + 1",
    "lots-spent-their-slices": "UPDATE slices SET lot = gen_random_uuid()",
    "credits-opened-their-lots": """
        UPDATE lots SET purchase = gen_random_uuid() WHERE kind = 'bonus'
    """,
    "held-coins-have-reasons": "UPDATE held_coins SET coins = coins - 1",
    "debts-were-paid-by-lots": "UPDATE repayments SET coins = coins - 1",
    "outcomes-say-what-was-posted": """
        UPDATE outcomes SET outcome = jsonb_set(outcome, '{coins}', '41') WHERE outcome ? 'slices'
    """,
    "outcomes-name-their-slices": """
        UPDATE outcomes SET outcome = jsonb_set(outcome, '{slices}', '[]') WHERE outcome ? 'slices'
    """,
    "refusals-moved-nothing": """
        UPDATE outcomes SET outcome = outcome - 'reason' WHERE entry IS NULL
    """,
}


@pytest.mark.parametrize("check", TAMPERINGS)
async def test_tampering_is_found_by_the_law_it_breaks(books, owner, check):
    await run(owner, TAMPERINGS[check])

    assert check in {fault.invariant for fault in await faults(books)}


def test_every_law_is_tried():
    assert {check.name for check in INVARIANTS} == set(TAMPERINGS)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE postings SET amount = amount + 1 WHERE account = '@spent'",
        "DELETE FROM postings WHERE account = '@issued'",
        "UPDATE entries SET recorded_at = recorded_at - interval '1 day' WHERE kind = 'gift'",
        "UPDATE entries SET kind = 'present' WHERE kind = 'gift'",
        "UPDATE outcomes SET outcome = '{}' WHERE outcome ? 'slices'",
        """
        INSERT INTO postings (user_id, entry, account, asset, amount)
        SELECT user_id, id, '@elsewhere', 'coins', 1 FROM entries WHERE kind = 'gift'
        """,
        "DELETE FROM entries WHERE kind = 'dispute'",
        "INSERT INTO entries (user_id, id, kind, reference) VALUES ('mira', 99, 'gift', 'gift:x')",
        "UPDATE seals SET hash = sha256('x')",
        "UPDATE seals SET block = 7",
    ],
)
async def test_a_seal_breaks_when_history_is_changed(books, owner, statement):
    await seal_all(books)

    await run(owner, statement)

    assert await broken(books)


async def test_each_block_is_announced_and_follows_the_one_before(books, hear):
    await seal_all(books)
    await hear(a_purchase_paid())
    await seal_all(books)

    first, second = await announced(books, "wallet.block_sealed")
    assert (first["block"], second["block"]) == (1, 2)
    assert second["previous_hash"] == first["hash"]


async def test_what_is_not_sealed_yet_is_no_fault(books, hear):
    await seal_all(books)
    await hear(a_purchase_paid())

    assert await broken(books) == []
