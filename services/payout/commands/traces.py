"""The trace of a payout: which gifts, of which lots, each of its diamonds and cents was."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.payout.commands.certificates import parts_of
from services.payout.commands.payouts import RESERVE_REFERENCE
from services.payout.domain.payouts import NoSuchPayout, Payout
from services.payout.domain.provenance import Part
from services.payout.store import earnings, payouts
from services.payout.store.provenance import archive_of
from shared.money import Rounding, prorate
from shared.postgres.database import Transaction


@dataclass(frozen=True, slots=True)
class TracedPart:
    """Some diamonds of a payout, what brought them, and which part of its money they were."""

    part: Part
    viewer: str | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Trace:
    """
    A page of a payout's parts: those after so many of its diamonds, and how many follow.

    `archive` is the file that the payout's entry was read from, None if it is in the table.
    """

    payout: Payout
    parts: Sequence[TracedPart]
    traced_diamonds: int
    archive: str | None


async def read_trace(
    tx: Transaction, creator: str, payout_id: UUID, *, after: int, limit: int
) -> Trace:
    """
    Read the parts of a payout after the first `after` diamonds, always in the same order.

    The money of a part is a difference of two shares: the parts add up to the payout exactly.
    """
    payout = await payouts.find(tx, creator, payout_id)
    if payout is None or after > payout.diamonds:
        raise NoSuchPayout
    found: list[Part] = []
    async for part in parts_of(tx, payout, after=after):
        found.append(part)
        if len(found) == limit:
            break
    viewers = await earnings.viewers_of(tx, creator, {each.gift for each in found if each.gift})
    traced, parts = after, []
    for part in found:
        before, traced = traced, traced + part.diamonds
        amount_minor = _share(payout, traced) - _share(payout, before)
        viewer = viewers.get(part.gift) if part.gift is not None else None
        parts.append(TracedPart(part, viewer, amount_minor))
    archive = await archive_of(tx, creator, RESERVE_REFERENCE.format(payout.id))
    return Trace(payout, parts, traced, archive)


def _share(payout: Payout, diamonds: int) -> int:
    return prorate(payout.amount_minor, diamonds, payout.diamonds, Rounding.DOWN)
