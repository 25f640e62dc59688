"""Knowing which level viewers have reached: some gifts are for some of them only."""

from collections.abc import Sequence

from services.gift.store import levels
from shared.contracts.envelope import Envelope
from shared.contracts.live import LevelReached
from shared.postgres.database import Transaction


async def save_levels(tx: Transaction, received: Sequence[Envelope[LevelReached]]) -> None:
    """Keep what the highest revision says of each viewer."""
    newest: dict[str, tuple[int, int]] = {}
    for message in received:
        reached = (message.data.revision, message.data.level)
        newest[message.data.viewer] = max(reached, newest.get(message.data.viewer, reached))
    await levels.save_levels(tx, newest)
