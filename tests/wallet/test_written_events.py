"""What is written by hand is what its contract would have written."""

from datetime import UTC, datetime
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.wallet.commands.facts import write_gift_paid
from services.wallet.domain.coins import Lot, Origin
from services.wallet.domain.gift_payments import Slice
from shared.contracts.envelope import Cause, encode
from shared.contracts.wallet import GiftPaid

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
COINS = st.integers(1, 1_000_000_000)
# What a contract lets a viewer be called.
VIEWERS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=bytes([*range(32), 127]).decode()),
    min_size=1,
    max_size=255,
)


@st.composite
def slices(draw):
    coins = draw(COINS)
    lot = Lot(
        id=uuid4(),
        purchase=uuid4(),
        origin=draw(st.sampled_from(Origin)),
        coins=coins,
        remaining=coins,
        diamond_rate_bp=draw(st.integers(0, 100_000)),
        price_minor=99,
        currency="USD",
        funded_at=NOON,
    )
    return Slice(lot, coins, 0)


@given(VIEWERS, st.uuids(), COINS, st.lists(slices(), max_size=3), st.integers(0, 10**12))
def test_a_paid_gift_is_written_as_its_contract_writes_it(viewer, gift, coins, pieces, balance):
    written = write_gift_paid(
        viewer=viewer, gift=str(gift), coins=coins, slices=pieces, balance_coins=balance
    )

    event = GiftPaid.model_validate_json(written.data)
    assert (event.viewer, event.gift, event.coins) == (viewer, gift, coins)
    assert [(part.lot, part.kind, part.coins, part.diamond_rate_bp) for part in event.slices] == [
        (piece.lot.id, piece.lot.origin.value, piece.coins, piece.lot.diamond_rate_bp)
        for piece in pieces
    ]
    assert event.balance_coins == balance
    about = {"sequence": 7, "occurred_at": NOON, "cause": Cause("story")}
    assert encode(written, **about) == encode(event, **about)
    assert written.id == str(event.id)
    assert (written.subject, written.partition_key) == (event.subject, event.partition_key)
