"""What must be true after a run, each by its name and with the figure that has to be zero."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from deploy.config.services import LEDGERS, SEALED
from deploy.ctl import verification
from deploy.ctl.installation import Installation
from tests.chaos.books import Books, Gifts
from tests.chaos.load import Answers
from tests.chaos.logs import read_all
from tests.chaos.people import People
from tests.chaos.quiet import DEAD_LETTERS, waiting
from tests.chaos.stage import Stage

EXAMPLES_MAX = 3
# What a log lacks: the broker's streams may lose their newest entries when they change leaders.
UNLOGGED = "unlogged"


@dataclass(frozen=True, slots=True)
class Check:
    """A figure that has to be zero; its kind is the name the whole run's result counts it under."""

    kind: str
    name: str
    figure: int
    detail: str = ""


async def check(
    system: Stage,
    answers: Answers,
    people: People,
    *,
    left: Mapping[str, int],
    died: Sequence[str],
) -> list[Check]:
    """Compare what was answered with every service's books, the logs, and one with another."""
    books, installation = Books(system.postgres), system.installation
    gifts = await books.gifts()
    found = [
        counted("lost", "requests without a final answer", answers.open),
        counted("lost", "answers that nobody foresaw", answers.unforeseen),
        *finished(answers, gifts, await books.states()),
        *_purchased(people, await books.credited()),
        *await _published(installation, books, answers, people),
        *agreed(await books.sums()),
    ]
    moving = ", ".join(f"{name} {count}" for name, count in left.items())
    found.append(Check("waiting", "still on its way or blocked", sum(left.values()), moving))
    dead_letters = {
        name: count for name, count in waiting(installation).items() if name.endswith(DEAD_LETTERS)
    }
    found.append(
        Check("dead_letters", "dead letters", sum(dead_letters.values()), _shown(dead_letters))
    )
    gone = [*died, *(name for name in system.names if not system.is_running(name))]
    found.append(counted("died", "services that ended by themselves", gone))
    return [*found, *await proved(installation)]


def finished(
    answers: Answers, books: Mapping[str, Gifts], states: Mapping[str, str]
) -> Iterator[Check]:
    """Each gift that was answered 201 is in every book once, and no other gift is in any."""
    paid, refused = answers.paid, answers.refused
    for service, gifts in books.items():
        twice = [gift for gift, (count, _) in gifts.items() if count > 1]
        wrong = [gift for gift in paid & gifts.keys() if gifts[gift][1] != answers.coins_of(gift)]
        yield counted("lost", f"accepted, not in {service}", paid - gifts.keys())
        yield counted("twice", f"more than once in {service}", twice)
        yield counted("unasked", f"in {service}, not accepted", gifts.keys() - paid)
        yield counted("imbalance", f"other coins in {service}", wrong)
    yield counted(
        "unasked",
        "refused, but gift says otherwise",
        [gift for gift in refused if states.get(gift) != "refused"],
    )
    yield counted("unasked", "gifts nobody asked for", states.keys() - answers.wishes.keys())


def _purchased(people: People, credited: Mapping[str, int]) -> Iterator[Check]:
    """Each purchase that was paid is credited once."""
    twice = [purchase for purchase, count in credited.items() if count > 1]
    yield counted("lost", "paid, not credited", people.purchases - credited.keys())
    yield counted("twice", "credited more than once", twice)
    yield counted("unasked", "credited, not bought", credited.keys() - people.purchases)


async def _published(
    installation: Installation, books: Books, answers: Answers, people: People
) -> list[Check]:
    """Everything that was settled was announced, in order of each subject, and is in the logs."""
    wanted = {
        "gift.requested": answers.given.keys(),
        "wallet.gift_paid": answers.paid,
        "wallet.gift_refused": answers.refused,
        "gift.sent": answers.paid,
        "gift.refused": answers.refused,
        "payout.diamonds_earned": answers.paid,
        "purchase.paid": people.purchases,
        "wallet.coins_credited": people.purchases,
        "purchase.completed": people.purchases,
    }
    published = await read_all(installation)
    found = [
        counted(UNLOGGED, f"no {name} in the log", set(things) - published.about.get(name, set()))
        for name, things in wanted.items()
    ]
    unheard = [
        decision
        for service in SEALED
        for decision in published.unheard(service, await books.decisions(service))
    ]
    late = published.out_of_order
    return [
        *found,
        counted(UNLOGGED, "decisions of a ledger in no log", unheard),
        counted(UNLOGGED, "subjects with a fact missing between others", published.gaps),
        counted("out_of_order", "facts after a later one of theirs", late),
    ]


def agreed(sums: Mapping[str, Mapping[str, int]]) -> Iterator[Check]:
    """What one service calls spent, bought or reversed, all others do that know it."""
    for name in ("bought", "spent", "reversed"):
        said = {service: its[name] for service, its in sums.items() if name in its}
        spread = max(said.values()) - min(said.values())
        yield Check("imbalance", f"coins {name}, between services", spread, _shown(said))
    said = {service: sums[service]["postings"] for service in LEDGERS}
    off = sum(map(abs, said.values()))
    yield Check("imbalance", "postings, which sum to zero", off, _shown(said))
    off = abs(sums["live"]["between_rooms_and_scores"])
    yield Check("imbalance", "coins between rooms and scores", off)


async def proved(installation: Installation) -> list[Check]:
    """Everything an operator would run to be sure."""
    found = []
    for service in verification.INVARIANTS:
        holds = await verification.verify(installation, service)
        found.append(Check("imbalance", f"verify {service}", not holds))
    for service in SEALED:
        holds = await verification.verify_seals(installation, service)
        found.append(Check("imbalance", f"seal verify {service}", not holds))
    agree = await verification.compare(installation, hours=0, grace=timedelta(0))
    return [*found, Check("imbalance", "reconcile", not agree)]


def counted(kind: str, name: str, things: Collection[str]) -> Check:
    """Return a check that there are no such things."""
    return Check(kind, name, len(things), ", ".join(sorted(things)[:EXAMPLES_MAX]))


def _shown(figures: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {figure}" for name, figure in figures.items())
