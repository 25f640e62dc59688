"""Giving, for whoever asks: the checks, the shared intake, and the wait for an outcome."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.gift.commands import reading, requesting, waiting
from services.gift.commands.offering import Shelf
from services.gift.commands.requesting import EXPIRY_SECONDS, GiftRequest
from services.gift.domain.admissions import TargetToken
from services.gift.domain.catalogue import (
    FAN_GIFT,
    Catalogue,
    ConfirmationRequired,
    GiftLocked,
    Locks,
    Wish,
)
from services.gift.domain.gifts import Gift, SettledBefore, State
from services.gift.store import standing
from shared.errors import Refusal
from shared.identity.ages import ADULTS, AgeRule
from shared.postgres.batching import Batcher
from shared.postgres.database import Database


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody asks for, before anything is checked, and what their token says of them."""

    viewer: str
    creator: str
    room: str | None
    gift_type: str
    count: int
    message: str | None
    anonymous: bool
    expected_price_coins: int | None
    confirmed: bool
    idempotency_key: str
    request_hash: bytes
    correlation_id: str
    country: str | None = None
    age_verified: int | None = None
    traceparent: str | None = None
    # What the host signed about who may be given to.
    target: TargetToken | None = None
    expiry_seconds: float = EXPIRY_SECONDS
    # How long after the outcome a repeat is still answered with it; None: for ever.
    repeat_seconds: float | None = None


def _is_stale(ask: Ask, gift: Gift) -> bool:
    """Whether a gift that was settled when it was asked for is too old to be a repeat's answer."""
    if ask.repeat_seconds is None or gift.settled_at is None:
        return False
    return datetime.now(UTC) - gift.settled_at >= timedelta(seconds=ask.repeat_seconds)


class Counter:
    """Takes gifts in; whoever comes while one transaction is in flight shares the next."""

    def __init__(
        self,
        database: Database,
        shelf: Shelf,
        waiters: waiting.Waiters,
        *,
        anybody_may_receive: bool = False,
        ages: AgeRule = ADULTS,
    ) -> None:
        self._database = database
        self._shelf = shelf
        self._waiters = waiters
        self._anybody_may_receive = anybody_may_receive
        self._ages = ages
        self._intake = Batcher(self._commit)

    async def give(self, ask: Ask, *, wait_seconds: float) -> Gift:
        """Ask for a gift and wait so long for its outcome; a repeat finds what was asked for."""
        deadline = time.monotonic() + wait_seconds
        proposed = uuid4()
        async with self._waiters.expect(ask.viewer, proposed) as outcome:
            gift = await self._take(ask, proposed)
            if gift.id == proposed:
                left = deadline - time.monotonic()
                return await waiting.outcome(outcome, gift, left) if left > 0 else gift
        return await self._repeated(ask, gift, deadline)

    async def _repeated(self, ask: Ask, gift: Gift, deadline: float) -> Gift:
        """Wait for the outcome of a gift that was asked for before, under the id it has."""
        if gift.state is State.REQUESTED and time.monotonic() < deadline:
            async with self._waiters.expect(gift.viewer, gift.id) as outcome:
                # An outcome that came since the gift was read was told to nobody who waits here.
                async with self._database.transaction() as tx:
                    known = await reading.read_gift(tx, gift.viewer, gift.id)
                left = deadline - time.monotonic()
                if known.state is not State.REQUESTED or left <= 0:
                    return known
                return await waiting.outcome(outcome, known, left)
        if _is_stale(ask, gift):
            raise SettledBefore(gift=gift.id)
        return gift

    async def _take(self, ask: Ask, proposed: UUID) -> Gift:
        catalogue = await self._shelf.current()
        try:
            wish = await self._checked(ask, catalogue)
        except Refusal:
            # What was asked for before stands, whatever has become of its price or its locks.
            async with self._database.transaction() as tx:
                known = await requesting.find_repeated(
                    tx, ask.viewer, ask.idempotency_key, ask.request_hash
                )
            if known is None:
                raise
            return known
        gift = await self._intake.submit(
            GiftRequest(
                wish,
                ask.idempotency_key,
                ask.request_hash,
                ask.correlation_id,
                ask.age_verified,
                ask.traceparent,
                ask.expiry_seconds,
                ask.target,
                proposed,
            )
        )
        if isinstance(gift, Refusal):
            raise gift
        return gift

    async def _checked(self, ask: Ask, catalogue: Catalogue) -> Wish:
        self._ages.require(ask.age_verified, ask.country)
        wish = catalogue.wish(
            viewer=ask.viewer,
            creator=ask.creator,
            room=ask.room,
            gift_type=ask.gift_type,
            count=ask.count,
            message=ask.message,
            anonymous=ask.anonymous,
            expected_price_coins=ask.expected_price_coins,
        )
        locks = wish.gift_type.locks
        locks.check(now=datetime.now(UTC), country=ask.country)
        if locks.needs_history:
            await self._check_history(wish, locks)
        if wish.gift_type.needs_confirmation and not ask.confirmed:
            raise ConfirmationRequired(price_coins=wish.gift_type.price_coins)
        return wish

    async def _check_history(self, wish: Wish, locks: Locks) -> None:
        async with self._database.transaction() as tx:
            known = await standing.standing_of(tx, wish.viewer, wish.creator)
        level = locks.gifter_level_min
        if level is not None and known.level < level:
            raise GiftLocked(lock="gifter_level_min", gifter_level_min=level, level=known.level)
        if locks.fan_only and not known.is_fan:
            raise GiftLocked(lock="fan_only", fan_gift=FAN_GIFT)

    async def _commit(self, requests: Sequence[GiftRequest]) -> Sequence[Gift | Refusal]:
        catalogue = await self._shelf.current()
        async with self._database.transaction() as tx:
            return await requesting.request_gifts(
                tx, requests, catalogue, anybody_may_receive=self._anybody_may_receive
            )
