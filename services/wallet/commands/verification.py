"""Verification of the coin ledger, and the seals of its history."""

from services.wallet.domain.coins import COINS
from services.wallet.store.invariants import INVARIANTS
from shared.backoffice.republish import block_fact
from shared.contracts.wallet import BlockSealed
from shared.ledger.sealing import Block, chain_of
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

__all__ = ["INVARIANTS", "publish_block"]


async def publish_block(tx: Transaction, block: Block) -> None:
    """Publish the hash of a block, so that no other can be put in its place."""
    chain = chain_of(tx, COINS)
    fact = block_fact(
        BlockSealed, chain, block.number, block.entries, block.hash, block.previous_hash
    )
    await publish(tx, [fact])
