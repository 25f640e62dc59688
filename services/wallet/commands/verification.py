"""The proof that the coin ledger adds up, and the seals that keep its history."""

from services.wallet.store.invariants import INVARIANTS
from shared.backoffice.republish import block_fact
from shared.contracts.wallet import BlockSealed
from shared.ledger.sealing import Block
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

__all__ = ["CHAIN", "INVARIANTS", "publish_block"]

CHAIN = "coins"


async def publish_block(tx: Transaction, block: Block) -> None:
    """Tell others the hash of a block, so that nobody can put another in its place."""
    fact = block_fact(
        BlockSealed, CHAIN, block.number, block.entries, block.hash, block.previous_hash
    )
    await publish(tx, [fact])
