"""The books of payout in every part of an installation: whether they are right, and closed."""

from functools import partial

from services.payout.commands import statements
from services.payout.store.invariants import INVARIANTS
from shared.ledger.verification import Violation, verify_ledger
from shared.runtime.service import in_each_part
from tests.parts import parts_in_use


async def violations(database):
    """Verify the books of each part that has any; return what is wrong with them."""
    found = []
    for part in await parts_in_use(database):
        async with part.snapshot() as tx:
            found += [each async for each in verify_ledger(tx, INVARIANTS)]
    return [each for each in found if isinstance(each, Violation)]


async def close_months(database, *, now):
    """Close the months that are over, of all creators."""
    while await in_each_part(database, partial(statements.close_months, now=now, zone="UTC"))():
        pass
