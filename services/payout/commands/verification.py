"""The invariants of the diamond ledger, and the seals that keep its history."""

from services.payout.domain.rates import DIAMONDS
from services.payout.store.invariants import INVARIANTS
from shared.backoffice.republish import block_fact
from shared.contracts.payout import BlockSealed
from shared.ledger.sealing import Block, chain_of
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

__all__ = ["INVARIANTS", "publish_block"]


async def publish_block(tx: Transaction, block: Block) -> None:
    """Publish the hash of a block, so that replacing the block is noticed."""
    chain = chain_of(tx, DIAMONDS)
    fact = block_fact(
        BlockSealed, chain, block.number, block.entries, block.hash, block.previous_hash
    )
    await publish(tx, [fact])
