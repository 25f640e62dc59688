"""The gifts of some creators are shared: each party has its part, and all parts are the whole."""

import asyncio
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.payout import consumers
from services.payout.commands import certificates
from services.payout.commands.earnings import follow_gifts
from services.payout.commands.republish import facts_between
from services.payout.domain.provenance import Source
from services.payout.domain.splits import BASIS_POINTS, Split, parts_of, share_of
from services.payout.store import payouts
from shared.contracts.gift import GiftRestored
from shared.contracts.wallet import LotKind, Slice
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.deliveries import a_broker, announced, announced_by_id, by_id, said_again
from tests.orders import assert_all_equal, ends
from tests.payout.books import violations
from tests.payout.conftest import HOLDING, RULES, a_gift_sent
from tests.payout.test_maturity import reversal
from tests.payout.test_orders import BOOKS
from tests.payout.test_races import reading

ADD = """
    INSERT INTO splits (creator, effective_from, parties, shares_bp, recorded_at)
    SELECT :creator, begins, :parties, :shares_bp, begins - interval '1 day'
    FROM (SELECT CAST(:at AS timestamptz) AS begins) AS given
"""
KEPT = """
    SELECT creator, sum(diamonds - reversed_diamonds)::bigint AS kept FROM earnings
    GROUP BY creator ORDER BY creator
"""
# All are in one part, however many there are: `test_parts.py` is about parties of several.
AGENCY, GUEST = ("agency-3", 2_000), ("guest-23", 3_333)


async def add_split(database, *shares, creator="lea", since=timedelta(days=1)):
    """Let a split have been set long enough ago that it counts now."""
    values = {
        "creator": creator,
        "at": datetime.now(UTC) - since,
        "parties": [party for party, _ in shares],
        "shares_bp": [share_bp for _, share_bp in shares],
    }
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text(ADD), values)


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await broken(database) == set()


async def broken(database):
    return {found.invariant for found in await violations(database)}


async def kept(database):
    async with database.transaction() as tx:
        return {row.creator: row.kept for row in await tx.execute(text(KEPT))}


@pytest.fixture
async def ops(lea):
    token = a_token("ops", roles=["operator"], scope="rates:write audit:read books:read")
    async with client_of(lea.app, token) as client:
        yield client


async def set_split(ops, *shares, hours=25.0, creator="lea", at=None):
    wish = {
        "shares": [{"party": party, "share_bp": share_bp} for party, share_bp in shares],
        "effective_from": at or (datetime.now(UTC) + timedelta(hours=hours)).isoformat(),
        "reason": "signed by both",
    }
    return await ops.put(f"/v1/operator/creators/{creator}/split", json=wish)


some_shares = st.lists(st.integers(1, 1_999), min_size=1, max_size=5).map(tuple)


@given(some_shares, st.integers(0, 10_000))
# The fourth has more than one diamond more than its exact share, 65.8.
@example((1_624, 1_999, 1_813, 1_999, 1_999), 329)
def test_the_parts_are_the_whole_and_each_is_nearly_its_share(shares_bp, whole):
    all_bp = (*shares_bp, BASIS_POINTS - sum(shares_bp))
    parts = [share_of(whole, all_bp[: turn + 1]) for turn in range(len(all_bp))]

    assert sum(parts) == whole
    for before, (share_bp, part) in enumerate(zip(shares_bp, parts, strict=False)):
        exact = Fraction(whole * share_bp, BASIS_POINTS)
        # What rounding took from each party before is shared by those after it.
        assert int(exact) <= part <= exact + before
    # The creator bears the rounding of all others.
    assert parts[-1] > Fraction(whole * all_bp[-1], BASIS_POINTS) - len(shares_bp)


@given(some_shares, st.integers(0, 10_000))
def test_no_part_grows_when_the_whole_shrinks(shares_bp, whole):
    """Else taking a part of a gift back would give one of the parties more."""
    all_bp = (*shares_bp, BASIS_POINTS - sum(shares_bp))
    for turn in range(len(all_bp)):
        assert (
            0 <= share_of(whole + 1, all_bp[: turn + 1]) - share_of(whole, all_bp[: turn + 1]) <= 1
        )


async def test_the_database_shares_as_the_code_does(database):
    shares = [(2_000,), (2_000, 8_000), (1, 9_998), (1_999, 1_999, 1_999, 1_999, 2_004)]
    async with database.transaction() as tx:
        for whole in (*range(30), 999_999_999_999):
            for shares_bp in shares:
                found = await tx.execute(
                    text("SELECT share_of(:whole, CAST(:shares AS integer[])) AS part"),
                    {"whole": whole, "shares": list(shares_bp)},
                )
                assert found.scalar_one() == share_of(whole, shares_bp), (whole, shares_bp)


def test_the_split_of_a_gift_is_the_newest_that_had_begun_when_it_was_sent():
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC)
    hour = timedelta(hours=1)
    splits = {
        "lea": [
            Split(noon, ("agency-3",), (2_000,)),
            Split(noon + hour, ("guest-23",), (500,)),
            Split(noon + 2 * hour),
        ]
    }

    def parties(at, creator="lea"):
        return [party for party, _ in parts_of(splits, creator, at)]

    assert parties(noon - timedelta(microseconds=1)) == ["lea"]
    assert parties(noon) == ["agency-3", "lea"]
    assert parties(noon + hour) == ["guest-23", "lea"]
    assert parties(noon + 2 * hour) == ["lea"]
    assert parties(noon, "tomas-15") == ["tomas-15"]


async def test_each_party_of_a_gift_earns_its_part_and_no_other_gift_is_shared(
    lea, hear, ops, database
):
    await add_split(database, AGENCY, GUEST)

    await hear(a_gift_sent(100), a_gift_sent(7, creator="tomas-15"))

    # A fifth of 100; of the 80 left 3,333 of 8,000 parts, rounded down; the rest.
    assert await kept(database) == {"agency-3": 20, "guest-23": 33, "lea": 47, "tomas-15": 7}
    earned = await announced(database, "payout.diamonds_earned")
    shared = {(each["creator"], each["diamonds"], each["shared_by"]) for each in earned}
    assert shared == {
        ("agency-3", 20, "lea"),
        ("guest-23", 33, "lea"),
        ("lea", 47, None),
        ("tomas-15", 7, None),
    }
    books = (await ops.get("/v1/operator/payout/books")).json()
    assert (books["gifts"], books["coins_of_gifts"], books["diamonds_earned"]) == (2, 107, 107)
    async with client_of(lea.app, a_token("agency-3", roles=["creator"])) as agency:
        (line,) = (await agency.get("/v1/earnings/me/gifts")).json()["items"]
    assert (line["coins"], line["diamonds"], line["shared_by"]) == (100, 20, "lea")


async def test_a_gift_that_was_sent_before_a_split_is_not_shared_however_late_it_arrives(
    database, lea
):
    await add_split(database, AGENCY, since=timedelta(hours=1))
    read = reading(database, HOLDING)
    before, after = a_gift_sent(100), a_gift_sent(10)
    now = datetime.now(UTC)

    async with database.part_for("lea").transaction() as tx:
        heard = [read(after, at=now), read(before, at=now - timedelta(hours=2))]
        await follow_gifts(tx, heard, HOLDING)

    assert await kept(database) == {"agency-3": 2, "lea": 108}


async def test_a_gift_heard_again_is_shared_once(hear, database):
    await add_split(database, AGENCY)
    gift = a_gift_sent(100)

    await hear(gift, gift)
    await hear(gift)

    assert await kept(database) == {"agency-3": 20, "lea": 80}


async def test_a_gift_too_small_for_a_party_is_decided_all_the_same(hear, database):
    await add_split(database, AGENCY)

    await hear(a_gift_sent(1))

    assert await kept(database) == {"agency-3": 0, "lea": 1}


async def test_every_part_that_is_taken_back_is_taken_from_everybody_exactly(hear, database):
    """One coin after another, of two lots; after each the parts are what the coins are worth."""
    await add_split(database, AGENCY, GUEST)
    pieces = tuple(
        Slice(lot=uuid4(), kind=LotKind.PAID, coins=coins, diamond_rate_bp=5_000)
        for coins in (13, 24)
    )
    gift = a_gift_sent(37, slices=pieces)
    await hear(gift)

    for revision in range(1, 14):
        await hear(reversal(gift, revision, revision))
        assert sum((await kept(database)).values()) == (13 - revision) // 2 + 12
        assert await broken(database) == set()
    await hear(reversal(gift, 14, 0, contract=GiftRestored))

    assert sum((await kept(database)).values()) == 6 + 12


async def test_what_a_party_has_spent_is_its_loss_and_its_review_alone(
    lea, hear, cash_out, database
):
    await add_split(database, ("lea", 5_000), creator="tomas-15")
    gift = a_gift_sent(1_000, creator="tomas-15")
    await hear(gift)
    await cash_out()

    await hear(reversal(gift, 1, 1_000))

    async with database.transaction() as tx:
        lost = await tx.execute(text("SELECT creator, lost_diamonds AS lost FROM earnings"))
        assert {row.creator: row.lost for row in lost if row.lost} == {"lea": 500}
    (held,) = await announced(database, "payout.held")
    assert held["creator"] == "lea"


async def test_the_certificate_of_a_party_names_the_gifts_it_has_a_part_of(
    hear, cash_out, database
):
    await add_split(database, ("lea", 5_000), creator="tomas-15")
    gift = a_gift_sent(2_000, creator="tomas-15")
    await hear(gift)

    payout = await cash_out()

    async with database.part_for("lea").transaction() as tx:
        found = await payouts.find(tx, "lea", UUID(payout))
        parts = [part async for part in certificates.parts_of(tx, found)]
    assert [(part.source, part.diamonds) for part in parts] == [
        (Source.GIFT, 1_000),
        (Source.GIFT, 3_000),
    ]
    assert parts[0].gift == gift.gift


def story(*steps):
    return lambda gift: [
        reversal(gift, revision, coins, contract=contract)
        if contract
        else reversal(gift, revision, coins)
        for revision, (coins, contract) in enumerate(steps, 1)
    ]


STORIES = {
    "reversed in part": story((33, None)),
    "reversed & restored": story((100, None), (0, GiftRestored)),
    "reversed & restored in part & reversed": story((100, None), (33, GiftRestored), (67, None)),
}


@pytest.mark.parametrize("told", STORIES.values(), ids=STORIES)
async def test_whatever_order_they_arrive_in_the_parts_end_equal(database_of, told):
    piece = Slice(lot=uuid4(), kind=LotKind.PAID, coins=100, diamond_rate_bp=5_000)
    gift = a_gift_sent(100, slices=(piece,))
    reversals = told(gift)

    found = await ends(
        database_of,
        "payout",
        lambda database: consumers.build(database, a_broker("payout"), RULES),
        [gift, *reversals],
        (*BOOKS[:2], KEPT, "SELECT user_id, kind, balance FROM accounts ORDER BY 1, 2"),
        prepare=lambda database: add_split(database, AGENCY, GUEST),
    )

    *_, stands, _ = assert_all_equal(found)
    assert sum(row[1] for row in stands) == (100 - reversals[-1].reversed_coins) // 2


async def test_creators_who_share_with_each_other_never_wait_for_each_other(hear, database):
    await add_split(database, ("tomas-15", 5_000))
    await add_split(database, ("lea", 5_000), creator="tomas-15")
    batches = [
        [a_gift_sent(10, creator=("lea", "tomas-15")[(number + each) % 2]) for each in range(10)]
        for number in range(8)
    ]

    await asyncio.gather(*(hear(*batch) for batch in batches))

    assert await kept(database) == {"lea": 400, "tomas-15": 400}


async def test_an_operator_shares_the_gifts_of_a_creator_who_sees_it(lea, ops):
    answer = await set_split(ops, AGENCY, GUEST)

    assert answer.status_code == 200, answer.text
    terms = (await lea.get("/v1/earnings/me/terms")).json()
    assert terms["split"] is None
    assert terms["next_split"]["shares"] == [
        {"party": "agency-3", "share_bp": 2_000},
        {"party": "guest-23", "share_bp": 3_333},
    ]
    (line,) = (await ops.get("/v1/operator/payout/audit?reads=false")).json()["items"]
    assert (line["action"], line["facts"]["parties"]) == ("split.set", ["agency-3", "guest-23"])


async def test_the_same_split_again_is_one_and_another_at_that_moment_is_refused(ops, database):
    at = (datetime.now(UTC) + timedelta(days=2)).isoformat()

    answers = await asyncio.gather(*(set_split(ops, AGENCY, at=at) for _ in range(3)))
    other = await set_split(ops, GUEST, at=at)

    assert {answer.status_code for answer in answers} == {200}
    assert (other.status_code, other.json()["code"]) == (409, "terms-exist")


@pytest.mark.parametrize(
    ("shares", "about", "problem"),
    [
        ([AGENCY], {"hours": 23.0}, "split-too-soon"),
        ([AGENCY], {"hours": -1.0}, "split-too-soon"),
        ([("lea", 1)], {}, "parties-overlap"),
        ([("Lea ", 1)], {}, "parties-overlap"),
        ([AGENCY, ("AGENCY-3", 1)], {}, "parties-overlap"),
        ([("a", 5_000), ("b", 5_000)], {}, "shares-too-large"),
        ([("ops", 1)], {}, "own-money"),
        ([AGENCY], {"creator": "ops"}, "own-money"),
        ([("a", 0)], {}, "invalid-request"),
        ([("a", 10_000)], {}, "invalid-request"),
        ([(name, 1) for name in "abcdef"], {}, "invalid-request"),
    ],
)
async def test_a_split_that_may_not_be_is_refused(ops, database, shares, about, problem):
    answer = await set_split(ops, *shares, **about)

    assert answer.json()["code"] == problem
    async with database.transaction() as tx:
        assert not await tx.execute(text("SELECT 1 FROM splits"))


async def test_shared_gifts_are_published_again_as_they_were(hear, database):
    await add_split(database, AGENCY)
    gift = a_gift_sent(100)
    await hear(gift, reversal(gift, 1, 50))

    said = by_id(await said_again(database, facts_between))

    assert said == await announced_by_id(database)


BREAKING = {
    "shares-come-to-the-whole": "UPDATE earnings SET shared_by = 'x' WHERE shared_by IS NOT NULL",
    "diamonds-follow-their-coins": "UPDATE reversals SET reversed_coins = reversed_coins - 10",
}


@pytest.mark.parametrize("law", BREAKING)
async def test_the_proof_sees_what_it_is_for(hear, database, law):
    await add_split(database, AGENCY)
    gift = a_gift_sent(100)
    await hear(gift, reversal(gift, 1, 50))

    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text(BREAKING[law]))
    found = await broken(database)
    async with database.part_for("lea").transaction() as tx:
        await tx.execute(text("UPDATE earnings SET shared_by = 'lea' WHERE creator = 'agency-3'"))
        await tx.execute(text("UPDATE reversals SET reversed_coins = 50"))

    assert law in found
