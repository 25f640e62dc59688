"""What must be true after a run of purchases, each with the figure that has to be zero."""

from collections.abc import Iterator, Mapping, Sequence

from deploy.ctl import verification
from tests.chaos.checks import Check, counted
from tests.chaos.purchases.books import PaymentBooks
from tests.chaos.purchases.load import Load
from tests.chaos.purchases.plan import PROVIDERS
from tests.chaos.purchases.stage import PaymentSystem
from tests.chaos.purchases.vendors import Vendors
from tests.chaos.quiet import DEAD_LETTERS, waiting

PROVED = ("purchase", "wallet")
# How a purchase can end; of one that is mismatched a person has to decide.
ENDS = ("completed", "failed", "expired")


async def check(
    system: PaymentSystem,
    books: PaymentBooks,
    load: Load,
    *,
    left: Mapping[str, int],
    died: Sequence[str],
    forged: Sequence[str],
) -> list[Check]:
    """Compare what was paid with our books, and those with each provider's own."""
    vendors, installation = books.vendors, system.installation
    ours, off = await books.held(), await books.differences()
    found = [
        Check("imbalance", f"books of {name}", off[name], f"{_amounts(ours[name])}")
        for name in PROVIDERS
    ]
    found += paid_once(load, await books.credited(), await books.states())
    found += asked_once(load, vendors)
    coins = await books.coins()
    spread = abs(coins["purchase"] - coins["wallet"])
    found.append(Check("imbalance", "coins bought, purchase and wallet", spread, str(coins)))
    moving = ", ".join(f"{name} {count}" for name, count in left.items())
    found.append(Check("waiting", "still on its way", sum(left.values()), moving))
    queues = waiting(installation)
    dead = {name: n for name, n in queues.items() if n and name.endswith(DEAD_LETTERS)}
    found.append(Check("dead_letters", "dead letters", sum(dead.values()), ", ".join(dead)))
    gone = [*died, *(name for name in system.names if not system.is_running(name))]
    found.append(counted("died", "services that ended by themselves", gone))
    found.append(counted("unasked", "forged webhooks that were taken", forged))
    for name, fake in vendors.fakes.items():
        said = fake.contradictions()
        about = f"against {name}'s contract"
        found.append(Check("contradictions", about, len(said), "".join(said[:1])))
    for service in PROVED:
        holds = await verification.verify(installation, service)
        found.append(Check("imbalance", f"verify {service}", not holds))
    return found


def paid_once(
    load: Load, credited: Mapping[str, int], states: Mapping[str, str]
) -> Iterator[Check]:
    """Whatever was paid is credited once, and nothing else is."""
    known = load.purchases.keys()
    twice = [purchase for purchase, count in credited.items() if count > 1]
    others = [purchase for purchase in known if states.get(purchase) not in ENDS]
    yield counted("lost", "requests without a final answer", load.unanswered)
    yield counted("lost", "paid, and not credited", load.paid - credited.keys())
    yield counted("twice", "credited more than once", twice)
    yield counted("unasked", "credited, and not paid", credited.keys() - load.paid)
    yield counted("unasked", "purchases that nobody made", states.keys() - known)
    yield counted("lost", "purchases that did not end", others)


def asked_once(load: Load, vendors: Vendors) -> Iterator[Check]:
    """No provider has two payments for a purchase, or a refund that nobody asked for."""
    twice, refunds = [], []
    for purchase, provider in load.purchases.items():
        vendor = vendors[provider]
        if vendor.payments_of(purchase) > 1:
            twice.append(purchase)
        # A refund that failed was asked for once, too.
        if purchase in load.paid and vendor.refunds_of(purchase) > load.refunds[purchase]:
            refunds.append(purchase)
    yield counted("twice", "payments for one purchase", twice)
    yield counted("twice", "refunds that nobody asked for", refunds)


def _amounts(held: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(f"{currency} {both[0]}" for currency, both in sorted(held.items()))
