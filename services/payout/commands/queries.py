"""What the API reads that takes several queries."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from services.payout.commands.quotes import read_limits
from services.payout.commands.rate_plans import read_rate
from services.payout.domain.fraud_rules import Finding
from services.payout.domain.limits import PayoutLimits
from services.payout.domain.payees import NoSuchPayee, Payee
from services.payout.domain.payouts import NoSuchPayout, Payout
from services.payout.domain.quotes import find_obstacles
from services.payout.domain.rate_plans import Rate
from services.payout.domain.rates import Rules
from services.payout.domain.reviews import Appeal, Decision, Review, reasons_for
from services.payout.store import appeals, contacts, fraud, payees, payouts, queries, reviews
from services.payout.store.contacts import Contact
from services.payout.store.payouts import Step
from services.payout.store.queries import DiamondBooks, Hold, MoneyLine
from shared.errors import Refusal
from shared.identity.people import require_other_person
from shared.ledger.entries import HELD, MAIN, PENDING
from shared.postgres.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Earned:
    """A creator's diamonds by account, what the pending ones wait for, and the rate of all."""

    pending: int
    available: int
    reserved: int
    lifetime: int
    holds: list[Hold]
    rate: Rate


@dataclass(frozen=True, slots=True)
class PayoutStory:
    """A payout, its steps, its newest review, what people decided, and the appeal."""

    payout: Payout
    steps: list[Step]
    review: Review | None
    decisions: list[Decision]
    appeal: Appeal | None


@dataclass(frozen=True, slots=True)
class PayoutAllowance:
    """What a creator may be paid now, and why a person would look at it."""

    # Those that money can arrive in, and the one that was asked about.
    currencies: list[str]
    arrives_in: str
    available_diamonds: int
    # At most, in minor units of the books' currency.
    payable_minor: int
    limits: PayoutLimits
    obstacles: list[Refusal]
    pending: list[Hold]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Books:
    """Everything this service keeps, summed up; each part of it at one instant."""

    diamonds: DiamondBooks
    payouts_by_state: dict[str, int]
    paid_amounts: dict[str, int]
    money: list[MoneyLine]


async def read_earned(tx: Transaction, creator: str, rules: Rules) -> Earned:
    balances = await queries.balances(tx, creator)
    return Earned(
        pending=balances.get(PENDING, 0),
        available=balances.get(MAIN, 0),
        reserved=balances.get(HELD, 0),
        lifetime=await queries.lifetime(tx, creator),
        holds=await queries.holds(tx, creator),
        rate=await read_rate(tx, creator, rules, datetime.now(UTC)),
    )


async def read_payout(tx: Transaction, creator: str, payout: UUID) -> PayoutStory:
    found = await payouts.find(tx, creator, payout)
    if found is None:
        raise NoSuchPayout
    return PayoutStory(
        payout=found,
        steps=await payouts.timeline(tx, found),
        review=await reviews.newest(tx, creator, payout),
        decisions=await reviews.decisions_of(tx, creator, payout),
        appeal=await appeals.find(tx, creator, payout),
    )


async def find_payout(database: Database, payout: UUID, *, operator: str) -> Payout:
    """Return a payout by its id alone, unless it is the operator's own."""
    for found in await database.read_each(partial(payouts.by_id, payout=payout)):
        if found is not None:
            require_other_person(operator=operator, user=found.creator)
            return found
    raise NoSuchPayout(payout=payout)


async def read_allowance(
    tx: Transaction, creator: str, rules: Rules, *, currency: str | None = None
) -> PayoutAllowance:
    """
    Read what a creator may be paid now, and what the rest waits for.

    Without a currency the money arrives in that of the creator's rate.
    """
    now = datetime.now(UTC)
    rules = rules.at(await read_rate(tx, creator, rules, now))
    currency = currency or rules.currency
    rules.exchange.rate(rules.currency, currency, now.date())
    payee = await payees.find(tx, creator, currency)
    risks = await reviews.read_risks(
        tx,
        creator,
        now=now,
        warning_days=rules.reviews.warning_days,
        reversed_days=rules.reviews.reversed_days,
    )
    limits = await read_limits(tx, creator, now, rules)
    available = (await queries.balances(tx, creator)).get(MAIN, 0)
    value_minor = min(rules.value_minor(available), limits.left_minor)
    return PayoutAllowance(
        currencies=rules.exchange.currencies(rules.currency),
        arrives_in=currency,
        available_diamonds=available,
        payable_minor=value_minor,
        limits=limits,
        obstacles=find_obstacles(payee, available=available, limits=limits, now=now, rules=rules),
        pending=await queries.holds(tx, creator),
        reasons=reasons_for(payee, value_minor, risks, findings=(), rules=rules) if payee else (),
    )


async def read_findings(tx: Transaction, creator: str, payout: UUID) -> list[Finding]:
    if await payouts.find(tx, creator, payout) is None:
        raise NoSuchPayout
    return await fraud.findings_of(tx, creator, payout)


async def read_payees(tx: Transaction, creator: str) -> list[tuple[Payee, Contact | None]]:
    """Return a creator's payees by currency, each with who it is, where that is known."""
    found = await payees.of_creator(tx, creator)
    known = await contacts.of_creator(tx, creator)
    return [(payee, known.get(payee.revision)) for payee in found.values()]


async def read_payee(tx: Transaction, creator: str, currency: str) -> tuple[Payee, Contact | None]:
    found = await payees.find(tx, creator, currency)
    if found is None:
        raise NoSuchPayee
    return found, (await contacts.of_creator(tx, creator)).get(found.revision)


async def read_books(database: Database) -> Books:
    diamonds, states, paid = Counter[str](), Counter[str](), Counter[str]()
    money = Counter[tuple[str, str]]()
    for books in await database.read_each(_read_books):
        diamonds.update(asdict(books.diamonds))
        states.update(books.payouts_by_state)
        paid.update(books.paid_amounts)
        money.update({(each.account, each.currency): each.amount_minor for each in books.money})
    lines = [MoneyLine(*names, amount_minor) for names, amount_minor in sorted(money.items())]
    return Books(DiamondBooks(**diamonds), dict(states), dict(paid), lines)


async def _read_books(tx: Transaction) -> Books:
    return Books(
        diamonds=await queries.diamond_books(tx),
        payouts_by_state=await payouts.by_state(tx),
        paid_amounts=await payouts.paid_amounts(tx),
        money=await queries.money_books(tx),
    )
