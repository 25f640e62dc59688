"""The invariants of the diamond ledger, and the seals that keep its history."""

from services.payout.store.invariants import INVARIANTS
from shared.backoffice.republish import block_fact
from shared.contracts.payout import BlockSealed
from shared.ledger.sealing import Block
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

__all__ = ["CHAIN", "INVARIANTS", "publish_block"]

CHAIN = "diamonds"


async def publish_block(tx: Transaction, block: Block) -> None:
    """Publish the hash of a block, so that replacing the block is noticed."""
    fact = block_fact(
        BlockSealed, CHAIN, block.number, block.entries, block.hash, block.previous_hash
    )
    await publish(tx, [fact])
