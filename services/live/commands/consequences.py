"""What gifts lead to: levels, first gifts, goals reached, perks unlocked and withdrawn."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from services.live.commands import describing
from services.live.commands.feeding import Page
from services.live.domain.gifts import Changes, Gift
from services.live.domain.goals import Goal
from services.live.domain.levels import level_at
from services.live.domain.perks import Entitlement
from services.live.store import counting, goals, perks
from services.live.store.counting import Gifter
from services.live.store.goals import ContributionKey
from services.live.store.rules import Rules
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.gift import GiftSent, ReversalEvent
from shared.contracts.live import (
    FirstGift,
    GoalReached,
    LevelReached,
    PerkEvent,
    PerkUnlocked,
    PerkWithdrawn,
)
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

# What is settled after a rebuild was caused by no message.
SETTLED = Cause("rebuild")


@dataclass(slots=True)
class Outcome:
    """What a batch led to: facts to announce, and what rooms show of them."""

    levels: Mapping[str, int] = field(default_factory=dict)
    first_gifts: set[UUID] = field(default_factory=set)
    facts: list[Fact] = field(default_factory=list)
    entries: list[tuple[str, str, UUID, dict[str, object]]] = field(default_factory=list)

    def show(self, page: Page) -> None:
        for entry in self.entries:
            page.add(*entry)

    async def announce(self, tx: Transaction) -> None:
        if self.facts:
            await publish(tx, self.facts)


@dataclass(frozen=True, slots=True)
class _Stories:
    """
    Which message a consequence comes from, and in which room it is seen.

    Causes are by gift, by viewer for levels, and by creator and viewer for perks. The feed shows
    a gift's id, and the id of its event follows from it: what an anonymous gift leads to begins a
    story of its own, for a causation, correlation or trace would say whose gift it was.
    """

    by_gift: Mapping[UUID, Cause]
    by_viewer: Mapping[str, Cause]
    by_pair: Mapping[tuple[str, str], Cause]
    sent: Mapping[UUID, Envelope[GiftSent]]
    rooms: Mapping[str, str]
    rooms_of_pairs: Mapping[tuple[str, str], str]


async def settle(
    tx: Transaction,
    changes: Changes,
    rules: Rules,
    sent: Mapping[UUID, Envelope[GiftSent]],
    reversals: Sequence[Envelope[ReversalEvent]],
) -> Outcome:
    """Write what supporters, gifters, goals and entitlements come to, and say what changed."""
    outcome = Outcome()
    stories = _stories(changes, sent, reversals)
    supporters = await counting.add_supporters(tx, changes.supporters)
    openly = changes.given_openly()
    gifters = await counting.add_gifters(tx, changes.gifters, openly)
    outcome.levels = {viewer: level_at(gifter.open_coins) for viewer, gifter in gifters.items()}
    if not rules.quiet:
        _greet(outcome, changes, supporters, stories)
        await _raise_levels(tx, outcome, gifters.values(), stories)
        _show_levels(outcome, gifters, openly, stories)
    if rules.goals:
        await _approach_goals(tx, outcome, changes, rules, stories)
    if rules.perk_creators and not rules.quiet:
        given = [
            (creator, viewer, coins)
            for (creator, viewer), (_, coins) in supporters.items()
            if creator in rules.perk_creators
        ]
        await _follow_entitlements(tx, outcome, given, stories)
    return outcome


async def settle_levels(tx: Transaction, gifters: Sequence[Gifter]) -> None:
    """Announce levels that changed while nothing was announced."""
    outcome = Outcome()
    await _raise_levels(tx, outcome, gifters, _NO_STORIES)
    await outcome.announce(tx)


async def settle_goals(tx: Transaction, unsettled: Sequence[Goal], cause: Cause = SETTLED) -> None:
    """Announce goals that were reached unannounced; the goals are locked."""
    outcome = Outcome()
    settled = [_reach(outcome, goal, cause) for goal in unsettled]
    await goals.save(tx, settled)
    await outcome.announce(tx)


async def settle_entitlements(
    tx: Transaction, given: Sequence[tuple[str, str, int]], cause: Cause = SETTLED
) -> int:
    """Let entitlements follow what was given; return how many did."""
    outcome = Outcome()
    pairs = {(creator, viewer): cause for creator, viewer, _ in given}
    stories = replace(_NO_STORIES, by_pair=pairs)
    await _follow_entitlements(tx, outcome, given, stories)
    await outcome.announce(tx)
    return len(outcome.facts)


_NO_STORIES = _Stories({}, {}, {}, {}, {}, {})


def _stories(
    changes: Changes,
    sent: Mapping[UUID, Envelope[GiftSent]],
    reversals: Sequence[Envelope[ReversalEvent]],
) -> _Stories:
    heard = {gift: envelope.cause for gift, envelope in sent.items()}
    heard |= {envelope.data.gift: envelope.cause for envelope in reversals}
    causes = {
        gift.gift: Cause(str(uuid4())) if gift.anonymous else heard[gift.gift]
        for gift, _ in changes.worth
    }
    openly = [gift for gift, _ in changes.worth if not gift.anonymous]
    return _Stories(
        by_gift=causes,
        by_viewer={gift.viewer: causes[gift.gift] for gift, _ in changes.worth},
        by_pair={(gift.creator, gift.viewer): causes[gift.gift] for gift in openly},
        sent=sent,
        rooms={gift.viewer: gift.room for gift in openly if gift.room},
        rooms_of_pairs={(gift.creator, gift.viewer): gift.room for gift in openly if gift.room},
    )


def _greet(
    outcome: Outcome,
    changes: Changes,
    supporters: Mapping[tuple[str, str], tuple[int, int]],
    stories: _Stories,
) -> None:
    """Say who gave to a creator for the first time."""
    first: dict[tuple[str, str], Gift] = {}
    for gift, _ in changes.worth:
        pair = (gift.creator, gift.viewer)
        if gift.anonymous or gift.gift not in stories.sent:
            continue
        if supporters[pair][0] != changes.supporters[pair].gifts:
            continue
        # What is counted again was greeted when it came.
        if gift.gift not in changes.unseen:
            continue
        earlier = first.get(pair, gift)
        first[pair] = min(gift, earlier, key=lambda one: (one.sent_at, one.gift))
    for gift in first.values():
        heard = stories.sent[gift.gift]
        event = FirstGift(
            gift=gift.gift,
            viewer=gift.viewer,
            creator=gift.creator,
            room=gift.room,
            gift_type=heard.data.gift_type,
            coins=gift.coins,
        )
        outcome.first_gifts.add(gift.gift)
        outcome.facts.append(Fact(event, 1, heard.cause))
        if gift.room is not None:
            shown = describing.first_gift(event)
            outcome.entries.append((gift.room, describing.FIRST_GIFT, gift.gift, shown))


async def _raise_levels(
    tx: Transaction, outcome: Outcome, gifters: Iterable[Gifter], stories: _Stories
) -> None:
    """Announce who changed level, by all they gave: teams are granted this only by name."""
    changed = []
    for gifter in gifters:
        level = level_at(gifter.coins)
        if level == gifter.level:
            continue
        event = LevelReached(
            viewer=gifter.viewer,
            revision=gifter.revision + 1,
            level=level,
            previous_level=gifter.level,
            given_coins=gifter.coins,
        )
        cause = stories.by_viewer.get(gifter.viewer, SETTLED)
        outcome.facts.append(Fact(event, event.revision, cause))
        changed.append(replace(gifter, level=level, revision=event.revision))
    await counting.save_levels(tx, changed)


def _show_levels(
    outcome: Outcome, gifters: Mapping[str, Gifter], openly: Mapping[str, int], stories: _Stories
) -> None:
    """Show in their rooms whose level rose by what they gave openly; their rows are locked."""
    for viewer, gifter in gifters.items():
        room = stories.rooms.get(viewer)
        level, before = (
            level_at(gifter.open_coins),
            level_at(gifter.open_coins - openly.get(viewer, 0)),
        )
        if room is not None and level > before:
            shown = describing.level(viewer, level=level, previous=before)
            outcome.entries.append((room, describing.LEVEL, uuid4(), shown))


async def _approach_goals(
    tx: Transaction, outcome: Outcome, changes: Changes, rules: Rules, stories: _Stories
) -> None:
    """
    Add what gifts are worth to goals, and tell which are reached.

    An anonymous gift brings a goal nearer; who gave it is not among its contributors.
    """
    progress: dict[UUID, int] = {}
    contributions: dict[ContributionKey, int] = {}
    causes: dict[UUID, Cause] = {}
    by_place: dict[tuple[str | None, str], list[Goal]] = {}
    for goal in rules.goals:
        place = (None, goal.creator) if goal.room is None else (goal.room, "")
        by_place.setdefault(place, []).append(goal)
    for gift, worth in changes.worth:
        for goal in (
            *by_place.get((None, gift.creator), ()),
            *by_place.get((gift.room, ""), ()),
        ):
            if goal.counts(gift):
                progress[goal.goal] = progress.get(goal.goal, 0) + worth
                causes[goal.goal] = stories.by_gift[gift.gift]
                if not gift.anonymous:
                    key = (goal.goal, gift.viewer)
                    contributions[key] = contributions.get(key, 0) + worth
    if not progress:
        return
    locked = await goals.lock(tx, sorted(causes))
    here = {key: coins for key, coins in contributions.items() if key[0] in locked}
    comes_to = await goals.contribute(tx, here)
    joined: Counter[UUID] = Counter()
    for (identifier, viewer), coins in here.items():
        after = comes_to[identifier, viewer]
        joined[identifier] += (after > 0) - (after - coins > 0)
    locked = {
        identifier: replace(
            goal,
            progress_coins=goal.progress_coins + progress[identifier],
            contributors=goal.contributors + joined[identifier],
        )
        for identifier, goal in locked.items()
    }
    if not rules.quiet:
        locked = {
            identifier: _reach(outcome, goal, causes[identifier])
            for identifier, goal in locked.items()
        }
    await goals.save(tx, list(locked.values()))


def _reach(outcome: Outcome, goal: Goal, cause: Cause) -> Goal:
    """Announce a goal that has all its coins and had not; return it as it is now."""
    reached = goal.progress_coins >= goal.target_coins
    if reached == goal.reached:
        return goal
    if not reached:
        return replace(goal, reached=False)
    event = GoalReached(
        goal=goal.goal,
        revision=goal.revision + 1,
        creator=goal.creator,
        room=goal.room,
        title=goal.title,
        target_coins=goal.target_coins,
        progress_coins=goal.progress_coins,
        contributors=goal.contributors,
    )
    outcome.facts.append(Fact(event, event.revision, cause))
    if goal.room is not None:
        outcome.entries.append((goal.room, describing.GOAL, event.id, describing.goal(event)))
    return replace(goal, reached=True, revision=event.revision)


async def _follow_entitlements(
    tx: Transaction, outcome: Outcome, given: Sequence[tuple[str, str, int]], stories: _Stories
) -> None:
    if not given:
        return
    changed = await perks.follow_coins(tx, given)
    changed += await perks.unlock(tx, given)
    for entitlement in changed:
        event = _perk_event(entitlement)
        pair = entitlement.creator, entitlement.viewer
        cause = stories.by_pair.get(pair, SETTLED)
        outcome.facts.append(Fact(event, event.revision, cause))
        room = stories.rooms_of_pairs.get(pair)
        if room is not None and not entitlement.withdrawn:
            outcome.entries.append((room, describing.PERK, event.id, describing.perk(event)))


def _perk_event(entitlement: Entitlement) -> PerkEvent:
    contract = PerkWithdrawn if entitlement.withdrawn else PerkUnlocked
    return contract(
        entitlement=entitlement.entitlement,
        revision=entitlement.revision,
        perk=entitlement.perk,
        viewer=entitlement.viewer,
        creator=entitlement.creator,
        kind=entitlement.kind.value,
        title=entitlement.title,
        threshold_coins=entitlement.threshold_coins,
    )
