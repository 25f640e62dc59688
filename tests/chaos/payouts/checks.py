"""What must be true after a run of payouts, each with the figure that has to be zero."""

from collections.abc import Iterator, Mapping, Sequence

from deploy.ctl import verification
from tests.chaos.checks import Check, counted
from tests.chaos.payouts.books import PayoutBooks
from tests.chaos.payouts.load import DIAMONDS, ENDED, Load
from tests.chaos.payouts.plan import PROVIDERS, Plan
from tests.chaos.payouts.stage import PayoutSystem
from tests.chaos.payouts.vendors import Vendors


async def check(
    system: PayoutSystem,
    books: PayoutBooks,
    load: Load,
    plan: Plan,
    *,
    left: Mapping[str, int],
    died: Sequence[str],
    forged: Sequence[str],
) -> list[Check]:
    """Compare what was asked for with our books, and those with each provider's own."""
    vendors, installation = books.vendors, system.installation
    ours, off = await books.paid(), await books.differences()
    found = [
        Check("imbalance", f"books of {name}", off[name], _amounts(ours[name]))
        for name in PROVIDERS
    ]
    found += ended(load, await books.states())
    found += sent_once(load, vendors, await books.attempts())
    found.append(conserved(plan, await books.diamonds()))
    moving = ", ".join(f"{name} {count}" for name, count in left.items())
    found.append(Check("waiting", "still on its way", sum(left.values()), moving))
    dead = await books.dead_letters()
    found.append(Check("dead_letters", "dead letters", sum(dead.values()), ", ".join(dead)))
    gone = [*died, *(name for name in system.names if not system.is_running(name))]
    found.append(counted("died", "services that ended by themselves", gone))
    found.append(counted("unasked", "forged webhooks that were taken", forged))
    for name, driver in vendors.by_name.items():
        said = driver.fake.contradictions()
        about = f"against {name}'s contract"
        found.append(Check("contradictions", about, len(said), "".join(said[:1])))
    holds = await verification.verify(installation, "payout")
    unbroken = await verification.verify_seals(installation, "payout")
    return [
        *found,
        Check("imbalance", "verify payout", not holds),
        Check("imbalance", "seal verify payout", not unbroken),
    ]


def ended(load: Load, states: Mapping[str, str]) -> Iterator[Check]:
    """Whatever was asked for came to its end, and nothing else is there."""
    known = load.payouts.keys()
    yield counted("lost", "payouts without an end", load.unanswered)
    others = [payout for payout in known if states.get(payout) not in ENDED]
    yield counted("lost", "payouts in another state", others)
    yield counted("unasked", "payouts that nobody asked for", states.keys() - known)


def sent_once(
    load: Load, vendors: Vendors, attempts: Mapping[str, Sequence[str]]
) -> Iterator[Check]:
    """No provider has two transfers for a payout, whatever was lost on the way."""
    twice = [
        payout
        for payout, provider in load.payouts.items()
        if sum(map(vendors[provider].transfers_of, attempts.get(payout, ()))) > 1
    ]
    yield counted("twice", "transfers for one payout", twice)


def conserved(plan: Plan, diamonds: Mapping[str, int]) -> Check:
    """Return a check that nobody lost or won a diamond: each is there, or was paid for."""
    other = [
        creator.name
        for creator in plan.creators
        if diamonds.get(creator.name, 0) != DIAMONDS * len(creator.wishes)
    ]
    return counted("imbalance", "creators with other diamonds than theirs", other)


def _amounts(held: Mapping[str, int]) -> str:
    return ", ".join(f"{currency} {minor}" for currency, minor in sorted(held.items()))
