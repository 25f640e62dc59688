"""
Signs of fraud behind a creator's income: pure functions over facts.

A rule measures which share of the diamonds shows its sign. Facts are sets, so a result never
depends on the order in which they came, and more diamonds with the sign never lower a share.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.money import Rounding, prorate

BASIS_POINTS = 10_000
# How many accounts a finding names; it says how many there are.
NAMED_MAX = 20
RISK_PREFIX = "risk:"


class Mode(StrEnum):
    """Whether a finding stops a payout until a person looks, or is only recorded."""

    SHADOW = "shadow"
    ENFORCED = "enforced"


class RuleName(StrEnum):
    """The rules; each name is a stable code."""

    CONCENTRATION = "concentration"
    CIRCULAR_GIFTING = "circular-gifting"
    SELF_GIFTING = "self-gifting"
    FRESH_CARDS = "fresh-cards"
    TAKEN_BACK = "taken-back"
    ACCOUNT_FARM = "account-farm"
    RANK_LAUNDERING = "rank-laundering"


# What a rule needs to know beside what all of them do.
OWN_NUMBERS: Mapping[RuleName, frozenset[str]] = {
    RuleName.CONCENTRATION: frozenset({"payers"}),
    RuleName.CIRCULAR_GIFTING: frozenset(),
    RuleName.SELF_GIFTING: frozenset(),
    RuleName.FRESH_CARDS: frozenset({"days", "accounts"}),
    RuleName.TAKEN_BACK: frozenset(),
    RuleName.ACCOUNT_FARM: frozenset({"accounts"}),
    RuleName.RANK_LAUNDERING: frozenset({"accounts"}),
}


@dataclass(frozen=True, slots=True)
class Income:
    """
    What one viewer gave a creator that was paid with one card.

    `fingerprint` is None where the provider does not tell cards apart, `first_paid_at` where the
    viewer's payments are not known.
    """

    viewer: str
    fingerprint: str | None
    diamonds: int
    reversed_diamonds: int
    # Not taken back yet, but with an early fraud warning.
    flagged_diamonds: int
    first_gift_at: datetime
    first_paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class GivenSlice:
    """What one lot of a viewer's coins brought a creator; `flagged` has an early fraud warning."""

    viewer: str
    lot: UUID
    diamonds: int
    reversed_diamonds: int
    occurred_at: datetime
    flagged: bool


@dataclass(frozen=True, slots=True)
class GiftEdge:
    """What somebody gave a creator, in diamonds."""

    viewer: str
    creator: str
    diamonds: int


@dataclass(frozen=True, slots=True)
class FactsOfOthers:
    """What is known of the people around a creator: their payments, and gifts among them."""

    # Which card paid for a viewer's lot, and when each viewer first paid.
    cards: Mapping[tuple[str, UUID], str | None]
    first_paid_at: Mapping[str, datetime]
    edges: tuple[GiftEdge, ...]


def income_of(slices: Iterable[GivenSlice], others: FactsOfOthers) -> list[Income]:
    """Sum up what a creator was given by viewer and card."""
    groups: dict[tuple[str, str | None], list[GivenSlice]] = defaultdict(list)
    for each in slices:
        groups[each.viewer, others.cards.get((each.viewer, each.lot))].append(each)
    return [
        Income(
            viewer=viewer,
            fingerprint=card,
            diamonds=sum(each.diamonds for each in given),
            reversed_diamonds=sum(each.reversed_diamonds for each in given),
            flagged_diamonds=sum(
                each.diamonds - each.reversed_diamonds for each in given if each.flagged
            ),
            first_gift_at=min(each.occurred_at for each in given),
            first_paid_at=others.first_paid_at.get(viewer),
        )
        for (viewer, card), given in groups.items()
    ]


@dataclass(frozen=True, slots=True)
class FraudFacts:
    """All that the rules look at; `edges` are gifts to those who gave, and to their givers."""

    creator: str
    income: tuple[Income, ...]
    own_fingerprints: frozenset[str] = frozenset()
    edges: tuple[GiftEdge, ...] = ()

    @property
    def diamonds(self) -> int:
        return sum(each.diamonds for each in self.income)


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudRule:
    """The numbers of one rule. Those that it does not use, by `OWN_NUMBERS`, are 0."""

    version: int
    mode: Mode
    minimum_diamonds: int
    share_bp: int
    payers: int = 0
    days: int = 0
    accounts: int = 0

    def __post_init__(self) -> None:
        assert self.version > 0
        assert self.minimum_diamonds > 0
        assert 0 < self.share_bp <= BASIS_POINTS


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudRules:
    """The rules of `seeds/fraud.toml`, and how much they may look at."""

    window_days: int
    slices_max: int
    givers_max: int
    rules: Mapping[RuleName, FraudRule]

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.window_days)


NO_RULES = FraudRules(window_days=0, slices_max=0, givers_max=0, rules={})


@dataclass(frozen=True, slots=True)
class Sign:
    """What shows a rule's sign: which accounts, and how many diamonds of theirs."""

    accounts: frozenset[str]
    diamonds: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found: ids and counts, no names. `score_bp` is the share with the sign."""

    rule: RuleName
    version: int
    mode: Mode
    score_bp: int
    diamonds: int
    of_diamonds: int
    accounts: int
    # The first of them, sorted.
    named: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why a payout is under review, as a stable code."""
        return f"{RISK_PREFIX}{self.rule}"

    @property
    def words(self) -> str:
        """Say it to an operator."""
        share = f"{self.score_bp // 100} % of {self.of_diamonds:,} diamonds"
        return f"{share} {_WORDS[self.rule].format(accounts=self.accounts)}"


_WORDS = {
    RuleName.CONCENTRATION: "came from {accounts} accounts of very few payers.",
    RuleName.CIRCULAR_GIFTING: "went round in a circle with {accounts} accounts.",
    RuleName.SELF_GIFTING: "were bought with a card of the creator's own, by {accounts} accounts.",
    RuleName.FRESH_CARDS: "came from {accounts} accounts that had just paid for the first time.",
    RuleName.TAKEN_BACK: "were disputed or are suspected by the card network, of {accounts}"
    " accounts.",
    RuleName.ACCOUNT_FARM: "came from {accounts} accounts that share cards.",
    RuleName.RANK_LAUNDERING: "came from {accounts} accounts that first paid on one day.",
}


def find(facts: FraudFacts, rules: FraudRules) -> list[Finding]:
    """Return what the rules find, in the order of their names."""
    total = facts.diamonds
    found = []
    for name, rule in sorted(rules.rules.items()):
        if total < rule.minimum_diamonds:
            continue
        sign = _SIGNS[name](facts, rule)
        score_bp = prorate(sign.diamonds, BASIS_POINTS, total, Rounding.DOWN)
        if score_bp >= rule.share_bp:
            found.append(
                Finding(
                    rule=name,
                    version=rule.version,
                    mode=rule.mode,
                    score_bp=score_bp,
                    diamonds=sign.diamonds,
                    of_diamonds=total,
                    accounts=len(sign.accounts),
                    named=tuple(sorted(sign.accounts)[:NAMED_MAX]),
                )
            )
    return found


def _concentration(facts: FraudFacts, rule: FraudRule) -> Sign:
    payers = _payers(facts.income)
    # Equal payers are taken in the order of their names: a result of the set alone.
    largest = sorted(payers.items(), key=lambda item: (-_diamonds(item[1]), item[0]))
    return _sign_of(each for _, income in largest[: rule.payers] for each in income)


def _circular_gifting(facts: FraudFacts, _: FraudRule) -> Sign:
    """Of each giver's diamonds as many count as the creator gave back, directly or by one other."""
    edges: dict[tuple[str, str], int] = defaultdict(int)
    for edge in facts.edges:
        edges[edge.viewer, edge.creator] += edge.diamonds
    given: dict[str, int] = defaultdict(int)
    for each in facts.income:
        given[each.viewer] += each.diamonds
    circular = {}
    for giver, diamonds in given.items():
        back = edges.get((facts.creator, giver), 0) + sum(
            min(amount, edges.get((facts.creator, other), 0))
            for (other, creator), amount in edges.items()
            if creator == giver and other not in (giver, facts.creator)
        )
        if back:
            circular[giver] = min(diamonds, back)
    return Sign(frozenset(circular), sum(circular.values()))


def _self_gifting(facts: FraudFacts, _: FraudRule) -> Sign:
    return _sign_of(
        each
        for each in facts.income
        if each.viewer == facts.creator or each.fingerprint in facts.own_fingerprints
    )


def _fresh_cards(facts: FraudFacts, rule: FraudRule) -> Sign:
    days = timedelta(days=rule.days)
    fresh = {
        each.viewer
        for each in facts.income
        if each.first_paid_at is not None and each.first_gift_at - each.first_paid_at < days
    }
    return _sign_of_accounts(facts, fresh, rule)


def _taken_back(facts: FraudFacts, _: FraudRule) -> Sign:
    lost = [(each.viewer, each.reversed_diamonds + each.flagged_diamonds) for each in facts.income]
    accounts = frozenset(viewer for viewer, diamonds in lost if diamonds)
    return Sign(accounts, sum(diamonds for _, diamonds in lost))


def _account_farm(facts: FraudFacts, rule: FraudRule) -> Sign:
    sharing: set[str] = set()
    for income in _payers(facts.income).values():
        accounts = {each.viewer for each in income}
        if len(accounts) >= rule.accounts:
            sharing |= accounts
    return _sign_of_accounts(facts, sharing, rule)


def _rank_laundering(facts: FraudFacts, rule: FraudRule) -> Sign:
    days: dict[object, set[str]] = defaultdict(set)
    for each in facts.income:
        if each.first_paid_at is not None:
            days[each.first_paid_at.astimezone(UTC).date()].add(each.viewer)
    farmed = {
        viewer for viewers in days.values() if len(viewers) >= rule.accounts for viewer in viewers
    }
    return _sign_of_accounts(facts, farmed, rule)


_SIGNS: Mapping[RuleName, Callable[[FraudFacts, FraudRule], Sign]] = {
    RuleName.CONCENTRATION: _concentration,
    RuleName.CIRCULAR_GIFTING: _circular_gifting,
    RuleName.SELF_GIFTING: _self_gifting,
    RuleName.FRESH_CARDS: _fresh_cards,
    RuleName.TAKEN_BACK: _taken_back,
    RuleName.ACCOUNT_FARM: _account_farm,
    RuleName.RANK_LAUNDERING: _rank_laundering,
}


def _payers(income: Iterable[Income]) -> dict[str, list[Income]]:
    """Group income by who pays, named by the first account: those who share a card are one."""
    parents: dict[str, str] = {}

    def root_of(name: str) -> str:
        while (parent := parents.setdefault(name, name)) != name:
            name = parent
        return name

    listed = list(income)
    for each in listed:
        account = root_of(f"account {each.viewer}")
        if each.fingerprint is not None:
            parents[root_of(f"card {each.fingerprint}")] = account
    groups: dict[str, list[Income]] = defaultdict(list)
    for each in listed:
        groups[root_of(f"account {each.viewer}")].append(each)
    return {min(each.viewer for each in group): group for group in groups.values()}


def _sign_of_accounts(facts: FraudFacts, accounts: set[str], rule: FraudRule) -> Sign:
    if len(accounts) < rule.accounts:
        return Sign(frozenset(), 0)
    return _sign_of(each for each in facts.income if each.viewer in accounts)


def _sign_of(income: Iterable[Income]) -> Sign:
    listed = list(income)
    return Sign(frozenset(each.viewer for each in listed), _diamonds(listed))


def _diamonds(income: Iterable[Income]) -> int:
    return sum(each.diamonds for each in income)
