"""Certificates: of what each cent of a payout was, the same for ever."""

import random
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payout import consumers
from services.payout.commands.bonuses import BonusRequest, decide_bonus, request_bonus
from services.payout.commands.certificates import parts_of
from services.payout.domain.payouts import ProviderStatus
from services.payout.domain.provenance import Part, Source, certificate_lines
from services.payout.store import attempts, payouts
from shared.contracts.gift import GiftRestored
from shared.contracts.wallet import LotKind, Slice
from shared.postgres.statements import text
from tests.clients import a_token, client_of
from tests.deliveries import a_broker, a_delivery
from tests.payout.books import close_months, violations
from tests.payout.conftest import HOLDING, PAYEE, RULES, a_gift_sent
from tests.payout.documents import words
from tests.payout.entries import A_MONTH, entries_of, left_first
from tests.payout.test_maturity import let_pass, reversal

SEEDS = [1, 7, 42]
MATURED = text("""
    SELECT m.gift, m.diamonds FROM matured_slices AS m JOIN earnings USING (creator, gift, slice)
    WHERE maturing = :number ORDER BY decision, slice, part
""")


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await violations(database) == []


@pytest.fixture
def hold(database):
    """Hand facts to the service whose diamonds wait."""
    (consumer,) = consumers.build(database, a_broker("payout"), HOLDING)

    async def hear(*events):
        await consumer.receive([a_delivery(event) for event in events])

    return hear


@pytest.fixture
def ask(lea):
    """Ask for a payout of so many diamonds; they make whole cents."""
    payees = []

    async def request(diamonds):
        if not payees:
            payees.append(await lea.put(PAYEE, json={"destination": "acct_ok_lea"}))
        quote = (await lea.post("/v1/payouts/quotes", json={"diamonds": diamonds})).json()
        headers = {"Idempotency-Key": uuid4().hex}
        answer = await lea.post("/v1/payouts", json={"quote": quote["quote"]}, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["payout"]

    return request


@pytest.fixture
def end(database, apply_status):
    """Let the provider say what became of the payout that is open."""

    async def say(status, *returned_minor):
        async with database.part_for("lea").transaction() as tx:
            await attempts.open_for_approved(tx, 10)
            await tx.execute(text("UPDATE attempts SET next_check_at = now() WHERE NOT closed"))
            (claimed, *_) = await attempts.claim_due(tx, 10)
        await apply_status(claimed, status, reason="said so")
        for minor in returned_minor:
            await apply_status(claimed, status, reason="in parts", returned_minor=minor)

    return say


@pytest.fixture
def certificate(lea):
    async def read(payout):
        answer = await lea.get(f"/v1/payouts/{payout}/certificate")
        assert answer.status_code == 200, answer.text
        return answer.json()

    return read


@pytest.fixture
def parts(database):
    """The parts of a payout, slice by slice."""

    async def read(payout):
        async with database.part_for("lea").transaction() as tx:
            found = await payouts.find(tx, "lea", payout)
            return [part async for part in parts_of(tx, found)]

    return read


def a_slice(coins, kind):
    return Slice(lot=uuid4(), kind=kind, coins=coins, diamond_rate_bp=10_000)


async def test_a_certificate_says_which_coins_paid_for_what_was_paid_out(
    hold, database, ask, certificate
):
    paid, bonus = a_slice(1_500, LotKind.PAID), a_slice(500, LotKind.BONUS)
    await hold(a_gift_sent(2_000, slices=(paid, bonus)), a_gift_sent(1_000))
    await let_pass(database, 15)

    found = await certificate(await ask(3_000))

    assert [
        (line["source"], line["lot_kind"], line["gifts"], line["diamonds"], line["gross_minor"])
        for line in found["lines"]
    ] == [("gift", "bonus", 1, 500, 250), ("gift", "paid", 2, 2_500, 1_250)]
    assert (found["diamonds"], found["gross_minor"], found["state"]) == (3_000, 1_500, "approved")


async def test_what_became_available_first_is_paid_out_first(hold, hear, database, ask, parts, end):
    """The second payout takes what the first has left, also in the middle of a gift."""
    first, second = a_gift_sent(2_500), a_gift_sent(3_000)
    await hold(first)
    await let_pass(database, 15)
    await hear(second)

    one = await ask(2_000)
    await end(ProviderStatus.PAID)
    other = await ask(2_500)

    assert [(part.gift, part.diamonds) for part in await parts(one)] == [(first.gift, 2_000)]
    assert [(part.gift, part.diamonds) for part in await parts(other)] == [
        (first.gift, 500),
        (second.gift, 2_000),
    ]


async def test_diamonds_that_came_back_from_a_payout_are_what_that_payout_was(
    hear, ask, parts, end
):
    first, second, third = (a_gift_sent(2_000) for _ in range(3))
    await hear(first)
    failed = await ask(2_000)
    await end(ProviderStatus.FAILED)
    await hear(second)
    again = await ask(2_000)
    await end(ProviderStatus.RETURNED)
    await hear(third)
    await ask(2_000)
    await end(ProviderStatus.PAID)
    last = await ask(2_000)

    # The failed payout's diamonds went back to the end of the row, and so did the second one's.
    assert [(part.gift, part.diamonds) for part in await parts(failed)] == [(first.gift, 2_000)]
    assert [(part.gift, part.diamonds) for part in await parts(again)] == [(first.gift, 2_000)]
    assert [(part.gift, part.diamonds) for part in await parts(last)] == [(first.gift, 2_000)]


async def test_a_payout_that_comes_back_in_parts_gives_each_part_back_once(hear, ask, parts, end):
    first, second, third = (a_gift_sent(2_000) for _ in range(3))
    await hear(first, second)
    await ask(4_000)
    await end(ProviderStatus.PAID, 1_000, 1_500)
    again = await ask(2_000)
    await end(ProviderStatus.PAID)
    await hear(third)
    last = await ask(2_000)

    # Half of it came back first, and then a quarter.
    assert gifts_in_all(await parts(again)) == {first.gift: 2_000}
    assert gifts_in_all(await parts(last)) == {second.gift: 1_000, third.gift: 1_000}


async def test_a_bonus_is_a_bonus_also_after_it_has_waited(hear, hold, database, ask, certificate):
    await hold(a_gift_sent(1_500))
    asked = BonusRequest("lea", "festival", 1_000, "thanks", "ann", uuid4().hex, b"h")
    async with database.part_for("lea").transaction() as tx:
        bonus = await request_bonus(tx, asked)
        about = {"operator": "ben", "correlation_id": "c", "rules": HOLDING}
        await decide_bonus(tx, "lea", bonus.id, is_granted=True, **about)
    await let_pass(database, 15)

    found = await certificate(await ask(2_500))

    assert {line["source"] for line in found["lines"] if line["voluntary"]} == {"gift"}
    assert {line["source"]: line["diamonds"] for line in found["lines"]} == {
        "gift": 1_500,
        "bonus": 1_000,
    }


async def test_a_certificate_never_changes(hold, database, ask, certificate, end):
    gift = a_gift_sent(2_500)
    await hold(gift, a_gift_sent(700))
    await let_pass(database, 15)
    payout = await ask(2_600)
    before = await certificate(payout)
    await end(ProviderStatus.PAID)

    await hold(reversal(gift, 1, 2_500))
    await hold(reversal(gift, 2, 100, contract=GiftRestored), a_gift_sent(4_000))
    await let_pass(database, 40)
    await close_months(database, now=datetime.now(UTC) + A_MONTH)
    await ask(2_000)

    after = await certificate(payout)
    assert {**after, "state": before["state"]} == before


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_diamond_is_paid_out_twice_and_each_in_its_turn(
    seed, hold, hear, database, ask, parts, end
):
    """A long story of gifts, reversals and payouts, against a row of single diamonds."""
    chance = random.Random(seed)
    gifts, asked = {}, []
    for step in range(40):
        what = chance.choice(("give", "give", "give", "mature", "reverse", "cash out", "close"))
        if what == "give":
            gift = a_gift_sent(chance.randrange(1, 450) * 4)
            gifts[gift.gift] = [gift, 0]
            await chance.choice((hear, hold))(gift)
        elif what == "mature":
            await let_pass(database, 15)
        elif what == "reverse" and gifts:
            known = chance.choice(list(gifts.values()))
            known[1] += 1
            contract = GiftRestored if known[1] % 2 == 0 else None
            coins = 0 if contract else known[0].coins // 2
            about = {"contract": contract} if contract else {}
            await hold(reversal(known[0], known[1], coins, **about))
        elif what == "cash out":
            available = await available_of(database)
            if available >= 2_000 and len(asked) < RULES.requests_per_day_max:
                asked.append(await ask(available - available % 2 if step % 2 else 2_000))
                await end(chance.choice((ProviderStatus.PAID, ProviderStatus.FAILED)))
        elif what == "close":
            await close_months(database, now=datetime.now(UTC) + (step + 1) * A_MONTH)

    entries = await entries_of(database)
    for payout in asked:
        row = left_first(entries, f"payout:{payout}:reserve")
        found = await parts(payout)
        assert sum(part.diamonds for part in found) == len(row)
        expected = Counter(await gifts_of(database, entries, row))
        assert expected == sum((Counter({part.gift: part.diamonds}) for part in found), Counter())


def gifts_in_all(parts):
    return dict(sum((Counter({part.gift: part.diamonds}) for part in parts), Counter()))


async def available_of(database):
    statement = "SELECT coalesce(sum(balance), 0)::bigint FROM accounts WHERE kind = 'main'"
    async with database.transaction() as tx:
        return (await tx.execute(text(statement))).scalar_one()


async def gifts_of(database, entries, row):
    """Return the gift of each diamond in a row; one that a payout gave back is that payout's."""
    by_number = {entry["number"]: entry for entry in entries}
    in_entry = {
        number: await gifts_in(database, entries, by_number[number])
        for number in {number for number, _ in row}
    }
    return [in_entry[number][place] for number, place in row]


async def gifts_in(database, entries, entry):
    """Return the gift of each diamond that an entry made available."""
    (amount,) = [amount for name, _, amount in entry["legs"] if name == "main"]
    if entry["gift"] is not None:
        return [entry["gift"]] * amount
    kind, about, *_ = entry["reference"].split(":")
    if kind == "restoration":
        return [UUID(about)] * amount
    if kind == "payout":
        return await gifts_of(database, entries, left_first(entries, f"payout:{about}:reserve"))
    assert kind == "mature", entry
    async with database.transaction() as tx:
        rows = await tx.execute(MATURED, {"number": int(about)})
        return [row.gift for row in rows for _ in range(row.diamonds)]


@given(
    parts=st.lists(st.integers(1, 10_000), min_size=1, max_size=12),
    net_minor=st.integers(0, 10**9),
    fee_minor=st.integers(0, 10_000),
    chance=st.randoms(),
)
def test_the_money_of_the_lines_is_the_money_of_the_payout(parts, net_minor, fee_minor, chance):
    kinds = ("paid", "bonus", None)
    found = certificate_lines(
        [
            Part(chance.choice(list(Source)), diamonds, lot_kind=chance.choice(kinds))
            for diamonds in parts
        ],
        net_minor=net_minor,
        fee_minor=fee_minor,
    )

    assert sum(line.diamonds for line in found) == sum(parts)
    assert sum(line.net_minor for line in found) == net_minor
    assert sum(line.fee_minor for line in found) == fee_minor
    assert all(line.net_minor >= 0 and line.fee_minor >= 0 for line in found)
    for line in found:
        share = (net_minor + fee_minor) * line.diamonds / sum(parts)
        assert abs(line.gross_minor - share) < 2


async def test_a_certificate_is_a_page_and_a_file_of_its_creator(hear, ask, lea):
    await hear(a_gift_sent(3_000))
    path = f"/v1/payouts/{await ask(3_000)}/certificate"

    page, file = [await lea.get(path, params={"format": form}) for form in ("html", "pdf")]
    async with client_of(lea.app, a_token("eve", roles=["creator"])) as eve:
        foreign = await eve.get(path)

    for answer in (page, file):
        assert "Gifts (1), by paid coins, voluntary 3,000 diamonds, 15.00 USD" in words(answer)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "no-such-payout")
