"""Whatever is done to the books behind our back is found, and said what it is."""

from uuid import uuid4

import pytest

from services.wallet.commands.verification import INVARIANTS, publish_block
from shared.contracts.purchase import PurchaseDisputed, PurchaseRefundRequested
from shared.ledger.sealing import broken_seals, chain_of, seal
from shared.ledger.verification import Progress, Violation, verify_ledger
from shared.postgres.database import Database, Transaction
from shared.postgres.statements import text
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
    database = Database(postgres.dsn(books.name), part_count=books.part_count)
    yield database
    await database.close()


async def faults(database):
    async def verify(tx):
        return [
            found async for found in verify_ledger(tx, INVARIANTS) if isinstance(found, Violation)
        ]

    return [fault for found in await database.read_each(verify) for fault in found]


async def seal_all(database):
    for part in database.parts:
        block = True
        while block:
            async with part.transaction() as tx:
                if block := await seal(tx):
                    await publish_block(tx, block)


async def broken(database):
    async def look(tx):
        return [found async for found in broken_seals(tx) if isinstance(found, Violation)]

    return [fault for found in await database.read_each(look) for fault in found]


async def run(owner, statements):
    """Do to mira's history what the tables' constraints would stop: as who may drop them."""
    async with owner.part_for("mira").transaction() as tx:
        for name in ("entry_has_postings", "entry_sums_to_zero", "slice_has_lot_and_coins"):
            await tx.execute(text(f"ALTER TABLE entries DROP CONSTRAINT IF EXISTS {name}"))
        await tx.execute(text("ALTER TABLE entries DISABLE TRIGGER archived_before_deleted"))
        for statement in statements.split(";"):
            await tx.execute(text(statement))


async def test_honest_books_have_no_faults(books):
    await seal_all(books)

    assert await faults(books) == []
    assert await broken(books) == []


async def test_a_proof_says_how_far_it_is(books):
    async def last(tx):
        steps = [step async for step in verify_ledger(tx, INVARIANTS)]
        return [step for step in steps if isinstance(step, Progress)][-1]

    found = await books.read_each(last)

    assert sum(each.users for each in found) == 2
    assert sum(each.postings for each in found) > 20


TAMPERINGS = {
    "balance-is-its-postings": "UPDATE accounts SET balance = balance + 1 WHERE kind = 'held'",
    "entry-sums-to-zero": """
        UPDATE entries SET accounts = 'main', amounts = amounts[1:1]
        WHERE kind = 'gift' AND number = 2
    """,
    "balance-after-follows": """
        UPDATE entries SET balances_after[position] = 7
        FROM (
            SELECT user_id, number, array_position(string_to_array(accounts, ','), 'held')
            FROM entries
        ) AS leg (user_id, number, position)
        WHERE (entries.user_id, entries.number) = (leg.user_id, leg.number) AND position > 0
    """,
    "entry-has-postings": """
        UPDATE entries SET amounts = NULL, accounts = NULL, balances_after = NULL
        WHERE kind = 'dispute'
    """,
    "decisions-are-counted": "DELETE FROM entries WHERE kind IS NULL",
    "lots-are-balances": """
        UPDATE lots SET remaining = remaining - 1, charged_back = charged_back + 1, held = held - 1
        WHERE held > 0
    """,
    "slices-are-gifts": "UPDATE entries SET slices[1] = slices[1] + 1 WHERE slices IS NOT NULL",
    "lots-spent-their-slices": """
        UPDATE entries SET lots[1] = gen_random_uuid() WHERE kind = 'gift'
    """,
    "credits-opened-their-lots": """
        UPDATE lots SET purchase = gen_random_uuid() WHERE kind = 'bonus'
    """,
    "held-coins-have-reasons": "UPDATE held_coins SET coins = coins - 1",
    "debts-were-paid-by-lots": "UPDATE repayments SET coins = coins - 1",
    "results-say-what-was-posted": """
        UPDATE entries SET result = jsonb_set(result, '{coins}', '41') WHERE kind = 'credit'
    """,
    "gifts-have-lots-or-a-reason": """
        UPDATE entries SET result = result - 'reason' WHERE kind IS NULL
    """,
    "reference-is-decided-once": """
        INSERT INTO archived_keys (user_id, number, key)
        SELECT user_id, number - 1, reference_key(gift, reference) FROM entries
        WHERE user_id = 'mira' AND kind = 'gift'
    """,
}
# Other ways to break the same: what entries and outcomes were when they were tables of their own.
MORE_TAMPERINGS = [
    ("balance-is-its-postings", "DELETE FROM accounts WHERE kind = 'held'"),
    (
        "balance-is-its-postings",
        """
        INSERT INTO entries (user_id, number, gift, request_hash, kind, asset, accounts,
                             amounts, balances_after)
        VALUES ('mira', 99, gen_random_uuid(), '', 'gift', 'coins', 'main,@spent', '{-5,5}', '{5}')
        """,
    ),
    ("decisions-are-counted", "DELETE FROM entries WHERE reference LIKE 'freeze:%'"),
    ("decisions-are-counted", "UPDATE entries SET number = number + 1 WHERE reference LIKE 'fr%'"),
    ("slices-are-gifts", "UPDATE entries SET lots = NULL, slices = NULL WHERE kind = 'gift'"),
    ("slices-are-gifts", "UPDATE entries SET kind = 'present' WHERE kind = 'gift'"),
    ("slices-are-gifts", "UPDATE entries SET accounts = 'main,@away' WHERE kind = 'gift'"),
    (
        "slices-are-gifts",
        "UPDATE entries SET gift = NULL, reference = 'present:' || gift WHERE kind = 'gift'",
    ),
    (
        "balance-after-follows",
        "UPDATE entries SET balances_after = '{}' WHERE kind = 'gift'",
    ),
    (
        "entry-has-postings",
        "UPDATE entries SET accounts = accounts || ',@away' WHERE kind = 'gift'",
    ),
    ("lots-spent-their-slices", "DELETE FROM entries WHERE kind = 'gift'"),
    ("entry-has-postings", "UPDATE entries SET kind = 'gift' WHERE kind IS NULL"),
    ("entry-has-postings", "UPDATE entries SET kind = NULL WHERE reference LIKE 'freeze:%'"),
    (
        "gifts-have-lots-or-a-reason",
        """
        UPDATE entries SET result = '{"coins": 41}' WHERE kind = 'gift'
        """,
    ),
    (
        "results-say-what-was-posted",
        """
        UPDATE entries SET result = jsonb_set(result, '{balance_coins}', '41')
        WHERE kind = 'credit'
        """,
    ),
]


@pytest.mark.parametrize("check", TAMPERINGS)
async def test_tampering_is_found_by_the_law_it_breaks(books, owner, check):
    await run(owner, TAMPERINGS[check])

    assert check in {fault.invariant for fault in await faults(books)}


@pytest.mark.parametrize(("check", "statement"), MORE_TAMPERINGS)
async def test_so_are_other_ways_to_break_it(books, owner, check, statement):
    await run(owner, statement)

    assert check in {fault.invariant for fault in await faults(books)}


def test_every_law_is_tried():
    assert {check.name for check in INVARIANTS} == set(TAMPERINGS)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET amounts[2] = amounts[2] + 1 WHERE kind = 'gift'",
        """
        UPDATE entries SET accounts = 'main', amounts = amounts[1:1] WHERE kind = 'credit'
        """,
        "UPDATE entries SET recorded_at = recorded_at - interval '1 day' WHERE kind = 'gift'",
        "UPDATE entries SET kind = 'present' WHERE kind = 'gift'",
        "UPDATE entries SET slices[1] = 41 WHERE slices IS NOT NULL",
        "UPDATE entries SET lots[1] = gen_random_uuid() WHERE kind = 'gift'",
        "UPDATE entries SET result = '{}' WHERE result IS NOT NULL",
        "UPDATE entries SET request_hash = 'x' WHERE kind = 'gift'",
        """
        UPDATE entries SET accounts = accounts || ',@elsewhere', amounts = amounts || 1::bigint
        WHERE kind = 'gift'
        """,
        "UPDATE entries SET accounts = 'main,@elsewhere' WHERE kind = 'gift'",
        "UPDATE entries SET gift = gen_random_uuid() WHERE kind = 'gift'",
        "UPDATE entries SET reference = reference || '0' WHERE reference IS NOT NULL",
        "DELETE FROM entries WHERE kind = 'dispute'",
        "DELETE FROM entries WHERE kind IS NULL",
        """
        INSERT INTO entries (user_id, number, gift, request_hash)
        VALUES ('mira', 99, gen_random_uuid(), '')
        """,
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

    chain = chain_of(Transaction(None, books.part_for("mira").number), "coins")
    blocks = await announced(books, "wallet.block_sealed")
    first, second = [block for block in blocks if block["chain"] == chain]
    assert (first["block"], second["block"]) == (1, 2)
    assert second["previous_hash"] == first["hash"]


async def test_what_is_not_sealed_yet_is_no_fault(books, hear):
    await seal_all(books)
    await hear(a_purchase_paid())

    assert await broken(books) == []
