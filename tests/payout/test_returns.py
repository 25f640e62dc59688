"""What comes back of a paid payout in parts: the diamonds follow the largest amount ever said."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.payout.domain.payouts import Payout, ProviderStatus, State
from shared.postgres.statements import text
from tests.deliveries import announced
from tests.payout.books import violations
from tests.payout.conftest import a_gift_sent
from tests.payout.test_following import diamonds_of, state_of

PAID, RETURNED = ProviderStatus.PAID, ProviderStatus.RETURNED


@pytest.fixture(autouse=True)
async def books_are_right(database):
    yield
    assert await violations(database) == []


async def rows(database, statement):
    async with database.part_for("lea").transaction() as tx:
        return [dict(row) for row in await tx.execute(text(statement))]


def a_payout(diamonds=3_000, amount_minor=1_500, fee_minor=0):
    return Payout(
        creator="lea", id=uuid4(), quote=uuid4(), diamonds=diamonds,
        value_minor=amount_minor + fee_minor, value_currency="USD", amount_minor=amount_minor,
        fee_minor=fee_minor, currency="USD", rate_version=1, provider="sandbox",
        destination="acct_ok", state=State.PAID, version=4, requested_at=datetime.now(UTC),
    )  # fmt: skip


@given(
    diamonds=some.integers(1, 10**12),
    amount_minor=some.integers(1, 10**9),
    fee_minor=some.integers(0, 10**6),
    cuts=some.lists(some.floats(0, 1), max_size=5),
)
def test_parts_add_up_to_what_all_of_them_at_once_would_be(diamonds, amount_minor, fee_minor, cuts):
    payout = whole = a_payout(diamonds, amount_minor, fee_minor)
    totals = sorted({int(cut * amount_minor) for cut in cuts})
    back = [0, 0]
    for returned_minor in (*totals, amount_minor):
        part = payout.difference(returned_minor)
        assert part.diamonds >= 0
        assert part.fee_minor >= 0
        back = [back[0] + part.diamonds, back[1] + part.fee_minor]
        payout = replace(payout, returned_minor=returned_minor)
        # Never more than the share of the money that came back.
        assert back[0] * amount_minor <= whole.diamonds * returned_minor

    assert back == [diamonds, fee_minor]


@pytest.mark.parametrize("order", list(permutations((200, 500, 900))))
async def test_whatever_order_parts_are_heard_in_the_largest_counts(
    lea, attempt, apply_status, database, order
):
    payout, sent = await attempt()
    for returned_minor in order:
        await apply_status(sent, PAID, returned_minor=returned_minor)
        await apply_status(sent, PAID, returned_minor=returned_minor)

    assert await state_of(lea, payout) == "paid"
    assert await diamonds_of(lea) == (1_800, 0)
    assert await rows(database, "SELECT returned_minor AS n FROM payouts") == [{"n": 900}]
    found = await rows(database, "SELECT status FROM contradictions")
    assert found == ([] if order == (200, 500, 900) else [{"status": "returned-less"}])


@pytest.mark.parametrize("ended", [(RETURNED, 0), (PAID, 1_500), (ProviderStatus.FAILED, 0)])
async def test_the_rest_comes_back_once_however_it_is_said(
    lea, attempt, apply_status, database, ended
):
    payout, sent = await attempt()
    status, returned_minor = ended
    await apply_status(sent, PAID, returned_minor=400)
    for _ in range(2):
        await apply_status(sent, status, reason="reversed", returned_minor=returned_minor)

    assert await state_of(lea, payout) == "returned"
    assert await diamonds_of(lea) == (3_000, 0)
    assert len(await announced(database, "payout.returned")) == 1
    (told,) = await announced(database, "payout.partly_returned")
    assert (told["returned_minor"], told["returned_diamonds"]) == (400, 800)


async def test_a_part_that_comes_back_before_it_was_seen_as_paid_is_both(
    lea, attempt, apply_status, database
):
    payout, sent = await attempt()

    await apply_status(sent, PAID, reason="reversed", returned_minor=750)

    assert await state_of(lea, payout) == "paid"
    assert await diamonds_of(lea) == (1_500, 0)
    shown = (await lea.get(f"/v1/payouts/{payout}")).json()
    assert shown["returned_minor"] == 750
    assert [each["state"] for each in shown["timeline"]][-3:] == ["sent", "paid", "paid"]
    assert [each["reason"] for each in shown["timeline"]][-2:] == [None, "reversed"]


async def test_a_part_that_comes_back_covers_a_loss_first(lea, attempt, apply_status, database):
    """It failed, its diamonds were cashed out again, then it was paid after all; half came back."""
    _, sent = await attempt()
    await apply_status(sent, ProviderStatus.FAILED)
    quote = (await lea.post("/v1/payouts/quotes", json={})).json()
    headers = {"Idempotency-Key": "again"}
    await lea.post("/v1/payouts", json={"quote": quote["quote"]}, headers=headers)
    await apply_status(sent, PAID)
    assert await rows(database, "SELECT lost_diamonds AS n FROM payout_losses") == [{"n": 3_000}]

    await apply_status(sent, PAID, returned_minor=750)

    assert await rows(database, "SELECT lost_diamonds AS n FROM payout_losses") == [{"n": 1_500}]
    assert await diamonds_of(lea) == (0, 3_000)


async def test_a_wait_is_shown_while_it_lasts_and_once(lea, attempt, apply_status, hear):
    payout, sent = await attempt()
    for reason in ("unclaimed", "unclaimed", "on-hold", None):
        await apply_status(sent, ProviderStatus.SUBMITTED, reason=reason)
    await hear(a_gift_sent(100))

    shown = (await lea.get(f"/v1/payouts/{payout}")).json()
    assert shown["state"] == "sent"
    steps = [(each["state"], each["reason"]) for each in shown["timeline"]]
    assert steps[-3:] == [("sent", "unclaimed"), ("sent", "on-hold"), ("sent", None)]
    await apply_status(sent, PAID)
    assert await state_of(lea, payout) == "paid"
