"""The proof that the diamond ledger adds up, and the seals that keep its history."""

from services.payout.store.proof import CHECKS
from shared.contracts.envelope import Cause
from shared.contracts.payout import BlockSealed
from shared.database import Transaction
from shared.ledger.sealing import Block
from shared.messaging.outbox import Fact, announce

__all__ = ["CHECKS", "announce_block"]


async def announce_block(tx: Transaction, block: Block) -> None:
    """Tell others the hash of a block, so that nobody can put another in its place."""
    event = BlockSealed(
        chain="diamonds",
        block=block.number,
        movements=block.movements,
        hash=block.hash.hex(),
        previous_hash=block.previous_hash.hex(),
    )
    await announce(tx, [Fact(event, block.number, Cause(f"diamonds-{block.number}"))])
