"""Diamonds that are due become available."""

from datetime import datetime
from uuid import uuid5

from services.payout.commands.valuations import open_books
from services.payout.domain.earnings import post
from services.payout.domain.rates import DIAMONDS, Rules
from services.payout.store import maturity
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.payout import DiamondsMatured
from shared.ledger.entries import MAIN, PENDING
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

MATURED_MAX = 5_000
MATURE_REFERENCE = "mature:{}"


async def mature(tx: Transaction, rules: Rules, *, now: datetime) -> bool:
    """Let the diamonds that are due be available; return whether there may be more."""
    creators = await maturity.creators_due(tx, now=now, limit=MATURED_MAX)
    if not creators:
        return False
    # Their number is counted under the lock, so no two maturings have the same reference.
    book = await open_books(tx, [(creator, "mature") for creator in creators], rules)
    matured = await maturity.mature(tx, creators, now=now, limit=MATURED_MAX)
    facts = []
    for creator, (diamonds, number) in sorted(matured.items()):
        if not diamonds:
            continue
        accounts = book[creator]
        post(
            accounts,
            {PENDING: -diamonds, MAIN: diamonds},
            rules,
            kind="mature",
            reference=MATURE_REFERENCE.format(number),
            request_hash=number.to_bytes(16),
        )
        event = DiamondsMatured(
            creator=creator,
            batch=number,
            diamonds=diamonds,
            balance_diamonds=accounts.balance(MAIN, DIAMONDS),
        )
        version = accounts.record_result(event.model_dump_json()).number
        # Not the creator in words: what is passed on has room for 255 characters, ids included.
        story = Cause(str(uuid5(NAMESPACE, f"mature\n{creator}\n{number}")))
        facts.append(Fact(event, version, story, book.recorded_at))
    await book.write(tx)
    await publish(tx, facts)
    return bool(matured)
