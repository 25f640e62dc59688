"""Gifts as the gift service announces them."""

from datetime import UTC, datetime
from uuid import uuid4

from shared.contracts.gift import GiftSent
from shared.contracts.wallet import Slice


def a_gift(*, viewer="mira", room="room-1", coins=10):
    return GiftSent(
        gift=uuid4(),
        viewer=viewer,
        creator="lea",
        room=room,
        gift_type="g_pebble",
        count=1,
        coins=coins,
        slices=(Slice(lot=uuid4(), kind="paid", coins=coins, diamond_rate_bp=5_000),),
        requested_at=datetime.now(UTC),
    )
