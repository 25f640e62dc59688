"""What gifts lead to: levels, first gifts, goals reached, perks unlocked and withdrawn."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from services.live.commands import feed_entries
from services.live.commands.feed import FeedWriter
from services.live.domain.feed import EntryKind
from services.live.domain.gift_totals import Changes, Gift, SupporterKey
from services.live.domain.goals import ContributionKey, Goal
from services.live.domain.levels import Gifter, level_at
from services.live.store import goals
from services.live.store.batch_context import BatchContext
from services.live.store.batch_sums import Sums, add_batch
from services.live.store.entitlements import Given, change_entitlements
from services.live.store.gift_totals import save_levels
from shared.contracts.envelope import Cause, Envelope
from shared.contracts.gift import GiftSent, ReversalEvent
from shared.contracts.live import (
    FirstGift,
    GoalReached,
    LevelReached,
    PerkUnlocked,
    PerkWithdrawn,
)
from shared.messaging import outbox
from shared.messaging.facts import Fact
from shared.postgres.database import Transaction

# No message causes what is published after a rebuild.
REBUILD = Cause("rebuild")


@dataclass(slots=True)
class Rewards:
    """What a batch led to: facts to publish, and what rooms show of them."""

    levels: Mapping[str, int] = field(default_factory=dict)
    first_gifts: set[UUID] = field(default_factory=set)
    facts: list[Fact] = field(default_factory=list)
    entries: list[tuple[str, EntryKind, UUID, dict[str, object]]] = field(default_factory=list)
    # Rows as they are to be written.
    changed_levels: list[Gifter] = field(default_factory=list)
    changed_goals: list[Goal] = field(default_factory=list)

    def show(self, feed: FeedWriter) -> None:
        for entry in self.entries:
            feed.add(*entry)

    async def publish(self, tx: Transaction) -> None:
        if self.facts:
            await outbox.publish(tx, self.facts)


@dataclass(frozen=True, slots=True)
class _Origins:
    """
    Which message a reward comes from, and in which room it is shown.

    Causes are by gift, by viewer for levels, and by creator and viewer for perks. The feed shows
    a gift's id, and the id of its event follows from it: a causation or correlation id would tell
    whose an anonymous gift was, so its rewards begin with a cause of their own.
    """

    by_gift: Mapping[UUID, Cause] = field(default_factory=dict)
    by_viewer: Mapping[str, Cause] = field(default_factory=dict)
    by_pair: Mapping[SupporterKey, Cause] = field(default_factory=dict)
    sent: Mapping[UUID, Envelope[GiftSent]] = field(default_factory=dict)
    rooms: Mapping[str, str] = field(default_factory=dict)
    rooms_by_pair: Mapping[SupporterKey, str] = field(default_factory=dict)


async def apply_changes(
    tx: Transaction,
    changes: Changes,
    context: BatchContext,
    sent: Mapping[UUID, Envelope[GiftSent]],
    reversals: Sequence[Envelope[ReversalEvent]],
) -> Rewards:
    """Add everything up, and return what that leads to; the caller saves levels and progress."""
    earned = Rewards()
    origins = _find_origins(changes, sent, reversals)
    progress, contributions, causes = _share_out(changes, context, origins)
    sums = await add_batch(tx, changes.new, changes, contributions, generation=context.generation)
    earned.levels = {viewer: level_at(gifter.open_coins) for viewer, gifter in sums.gifters.items()}
    if not context.is_quiet:
        _add_first_gifts(earned, changes, sums, origins)
        _change_levels(earned, sums.gifters.values(), origins)
        _show_levels(earned, sums.gifters, changes.open_coins(), origins)
    for goal in _advance_goals(context, progress, contributions, sums):
        reached = goal if context.is_quiet else _reach(earned, goal, causes[goal.goal])
        earned.changed_goals.append(reached)
    if context.perk_creators and not context.is_quiet:
        given = [
            (creator, viewer, coins)
            for creator, viewer, _, coins in sums.supporters
            if creator in context.perk_creators
        ]
        await _change_entitlements(tx, earned, given, origins)
    return earned


async def publish_levels(tx: Transaction, gifters: Sequence[Gifter]) -> None:
    """Publish levels that changed while nothing was published; the gifters are locked."""
    earned = Rewards()
    _change_levels(earned, gifters, _Origins())
    await save_levels(tx, earned.changed_levels)
    await earned.publish(tx)


async def publish_goals(tx: Transaction, changed: Sequence[Goal], cause: Cause = REBUILD) -> None:
    """Publish goals that were reached unpublished; the goals are locked."""
    earned = Rewards()
    await goals.save_progress(tx, [_reach(earned, goal, cause) for goal in changed])
    await earned.publish(tx)


async def publish_entitlements(
    tx: Transaction, given: Sequence[Given], cause: Cause = REBUILD
) -> None:
    """Unlock, withdraw or reinstate entitlements by what was given; the supporters are locked."""
    earned = Rewards()
    origins = _Origins(by_pair={(creator, viewer): cause for creator, viewer, _ in given})
    await _change_entitlements(tx, earned, given, origins)
    await earned.publish(tx)


def _find_origins(
    changes: Changes,
    sent: Mapping[UUID, Envelope[GiftSent]],
    reversals: Sequence[Envelope[ReversalEvent]],
) -> _Origins:
    received = {gift: envelope.cause for gift, envelope in sent.items()}
    received |= {envelope.data.gift: envelope.cause for envelope in reversals}
    causes = {
        gift.gift: Cause(str(uuid4())) if gift.anonymous else received[gift.gift]
        for gift, _ in changes.worth
    }
    openly = [gift for gift, _ in changes.worth if not gift.anonymous]
    return _Origins(
        by_gift=causes,
        by_viewer={gift.viewer: causes[gift.gift] for gift, _ in changes.worth},
        by_pair={(gift.creator, gift.viewer): causes[gift.gift] for gift in openly},
        sent=sent,
        rooms={gift.viewer: gift.room for gift in openly if gift.room},
        rooms_by_pair={(gift.creator, gift.viewer): gift.room for gift in openly if gift.room},
    )


def _add_first_gifts(
    earned: Rewards,
    changes: Changes,
    sums: Sums,
    origins: _Origins,
) -> None:
    """Add the first gift of each viewer to a creator."""
    first: dict[SupporterKey, Gift] = {}
    gifts_of = {(creator, viewer): gifts for creator, viewer, gifts, _ in sums.supporters}
    for gift, _ in changes.worth:
        pair = (gift.creator, gift.viewer)
        # A gift that is counted again was published as a first one when it came.
        if gift.anonymous or gift.gift not in origins.sent or gift.gift not in changes.unseen:
            continue
        if gifts_of[pair] == changes.supporters[pair].gifts:
            earlier = first.get(pair, gift)
            first[pair] = min(gift, earlier, key=lambda one: (one.sent_at, one.gift))
    for gift in first.values():
        envelope = origins.sent[gift.gift]
        event = FirstGift(
            gift=gift.gift,
            viewer=gift.viewer,
            creator=gift.creator,
            room=gift.room,
            gift_type=envelope.data.gift_type,
            coins=gift.coins,
        )
        earned.first_gifts.add(gift.gift)
        earned.facts.append(Fact(event, 1, envelope.cause))
        if gift.room is not None:
            entry = (gift.room, EntryKind.FIRST_GIFT, gift.gift, event.model_dump())
            earned.entries.append(entry)


def _change_levels(earned: Rewards, gifters: Iterable[Gifter], origins: _Origins) -> None:
    """Publish new levels, by all that was given: teams are granted this event only by name."""
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
        cause = origins.by_viewer.get(gifter.viewer, REBUILD)
        earned.facts.append(Fact(event, event.revision, cause))
        earned.changed_levels.append(replace(gifter, level=level, revision=event.revision))


def _show_levels(
    earned: Rewards,
    gifters: Mapping[str, Gifter],
    open_coins: Mapping[str, int],
    origins: _Origins,
) -> None:
    """Show levels that rose by open gifts in the rooms of these; the gifters' rows are locked."""
    for viewer, gifter in gifters.items():
        room = origins.rooms.get(viewer)
        level = level_at(gifter.open_coins)
        previous = level_at(gifter.open_coins - open_coins.get(viewer, 0))
        if room is not None and level > previous:
            shown = feed_entries.show_level(viewer, level=level, previous=previous)
            earned.entries.append((room, EntryKind.LEVEL, uuid4(), shown))


def _advance_goals(
    context: BatchContext,
    progress: Mapping[UUID, int],
    contributions: Mapping[ContributionKey, int],
    sums: Sums,
) -> list[Goal]:
    """
    Return the goals that gifts changed, with what these are worth.

    An anonymous gift advances a goal; its viewer is not among the contributors.
    """
    joined: Counter[UUID] = Counter()
    for goal_id, viewer, after in sums.contributions:
        before = after - contributions[goal_id, viewer]
        joined[goal_id] += (after > 0) - (before > 0)
    return [
        replace(
            goal,
            progress_coins=goal.progress_coins + progress[goal.goal],
            contributors=goal.contributors + joined[goal.goal],
        )
        for goal in context.goals
        if goal.goal in progress
    ]


def _share_out(
    changes: Changes, context: BatchContext, origins: _Origins
) -> tuple[dict[UUID, int], dict[ContributionKey, int], dict[UUID, Cause]]:
    """Return what gifts bring to goals, by whom openly, and which message caused it last."""
    progress: dict[UUID, int] = {}
    contributions: dict[ContributionKey, int] = {}
    causes: dict[UUID, Cause] = {}
    by_place: dict[tuple[str | None, str], list[Goal]] = {}
    for goal in context.goals:
        place = (None, goal.creator) if goal.room is None else (goal.room, "")
        by_place.setdefault(place, []).append(goal)
    for gift, worth in changes.worth:
        for goal in (*by_place.get((None, gift.creator), ()), *by_place.get((gift.room, ""), ())):
            if not goal.counts(gift):
                continue
            progress[goal.goal] = progress.get(goal.goal, 0) + worth
            causes[goal.goal] = origins.by_gift[gift.gift]
            if not gift.anonymous:
                key = (goal.goal, gift.viewer)
                contributions[key] = contributions.get(key, 0) + worth
    return progress, contributions, causes


def _reach(earned: Rewards, goal: Goal, cause: Cause) -> Goal:
    """Publish a goal that has all its coins and had not; return it as it is now."""
    reached = goal.progress_coins >= goal.target_coins
    if reached == goal.reached:
        return goal
    if not reached:
        return replace(goal, reached=False)
    goal = replace(goal, reached=True, revision=goal.revision + 1)
    event = GoalReached.model_validate(goal, from_attributes=True)
    earned.facts.append(Fact(event, event.revision, cause))
    if goal.room is not None:
        entry = (goal.room, EntryKind.GOAL, event.id, feed_entries.show_goal(event))
        earned.entries.append(entry)
    return goal


async def _change_entitlements(
    tx: Transaction, earned: Rewards, given: Sequence[Given], origins: _Origins
) -> None:
    if not given:
        return
    for entitlement in await change_entitlements(tx, given):
        contract = PerkWithdrawn if entitlement.withdrawn else PerkUnlocked
        event = contract.model_validate(entitlement, from_attributes=True)
        pair = entitlement.creator, entitlement.viewer
        earned.facts.append(Fact(event, event.revision, origins.by_pair.get(pair, REBUILD)))
        room = origins.rooms_by_pair.get(pair)
        if room is not None and not entitlement.withdrawn:
            entry = (room, EntryKind.PERK, event.id, feed_entries.show_perk(event))
            earned.entries.append(entry)
