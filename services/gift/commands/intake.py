"""Gift intake, for both doors: the checks, the shared transaction, the wait for an outcome."""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.pending_replies import PendingReplies, wait_for
from services.gift.commands.queries import read_gift
from services.gift.commands.requests import (
    EXPIRY_SECONDS,
    GiftRequest,
    find_repeated,
    request_gifts,
)
from services.gift.domain.admissions import Admission, TargetToken
from services.gift.domain.catalogue import (
    FAN_GIFT,
    Catalogue,
    ConfirmationRequired,
    GiftLocked,
    Locks,
    PricedGift,
)
from services.gift.domain.gifts import Gift, GiftDetails, SettledBefore, State
from services.gift.store import admissions, levels
from shared.errors import Refusal
from shared.idempotency import mark_replayed
from shared.identity.ages import ADULTS, AgeRule
from shared.postgres.batching import Batcher
from shared.postgres.database import Database, Part, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftOrder(GiftDetails):
    """A gift as a viewer orders it, before any check, and what their token says of them."""

    expected_price_coins: int | None
    confirmed: bool
    idempotency_key: str
    request_hash: bytes
    correlation_id: str
    country: str | None = None
    age_verified: int | None = None
    traceparent: str | None = None
    # The claims of the host's target token.
    target: TargetToken | None = None
    expiry_seconds: float = EXPIRY_SECONDS
    # How long after the outcome a repeat is still answered with it; None: for ever.
    repeat_seconds: float | None = None


def _is_stale(order: GiftOrder, gift: Gift) -> bool:
    """Whether a gift got its outcome too long ago to answer a repeat with."""
    if order.repeat_seconds is None or gift.decided_at is None:
        return False
    return datetime.now(UTC) - gift.decided_at >= timedelta(seconds=order.repeat_seconds)


class GiftIntake:
    """
    Takes gifts in; orders that come while one transaction is in flight share the next.

    A transaction is of one part, so each part has transactions of its own.
    """

    def __init__(
        self,
        database: Database,
        catalogue_cache: CatalogueCache,
        pending_replies: PendingReplies,
        *,
        anybody_may_receive: bool = False,
        ages: AgeRule = ADULTS,
    ) -> None:
        self._database = database
        self._catalogue_cache = catalogue_cache
        self._pending_replies = pending_replies
        self._anybody_may_receive = anybody_may_receive
        self._ages = ages
        self._intakes: Mapping[int | None, Batcher[GiftRequest, Gift | Refusal]] = {
            part.number: Batcher(partial(self._commit, part)) for part in database.parts
        }

    async def send(self, order: GiftOrder, *, wait_seconds: float) -> Gift:
        """Request a gift and wait for its outcome; a repeat finds the gift of its key."""
        deadline = time.monotonic() + wait_seconds
        proposed = uuid4()
        async with self._pending_replies.expect(order.viewer, proposed) as outcome:
            gift = await self._take(order, proposed)
            if gift.id == proposed:
                left = deadline - time.monotonic()
                return await wait_for(outcome, gift, left) if left > 0 else gift
        mark_replayed()
        return await self._repeated(order, gift, deadline)

    async def _repeated(self, order: GiftOrder, gift: Gift, deadline: float) -> Gift:
        """Wait for the outcome of a gift of an earlier request, under the id it has."""
        if gift.state is State.REQUESTED and time.monotonic() < deadline:
            async with self._pending_replies.expect(gift.viewer, gift.id) as outcome:
                # An outcome that came since the gift was read had no caller to reply to here.
                async with self._database.part_for(gift.viewer).transaction() as tx:
                    known = await read_gift(tx, gift.viewer, gift.id)
                left = deadline - time.monotonic()
                if known.state is not State.REQUESTED or left <= 0:
                    return known
                return await wait_for(outcome, known, left)
        if _is_stale(order, gift):
            raise SettledBefore(gift=gift.id)
        return gift

    async def _take(self, order: GiftOrder, proposed: UUID) -> Gift:
        catalogue = await self._catalogue_cache.current()
        try:
            priced = await self._checked(order, catalogue)
        except Refusal:
            # The gift of a repeated key stands, even if its price or its locks changed since.
            async with self._database.part_for(order.viewer).transaction() as tx:
                known = await find_repeated(
                    tx, order.viewer, order.idempotency_key, order.request_hash
                )
            if known is None:
                raise
            return known
        gift = await self._intakes[self._database.part_for(order.viewer).number].submit(
            GiftRequest(
                priced,
                order.idempotency_key,
                order.request_hash,
                order.correlation_id,
                order.age_verified,
                order.traceparent,
                order.expiry_seconds,
                order.target,
                proposed,
            )
        )
        if isinstance(gift, Refusal):
            raise gift
        return gift

    async def _checked(self, order: GiftOrder, catalogue: Catalogue) -> PricedGift:
        self._ages.require(order.age_verified, order.country)
        priced = catalogue.price_gift(order, expected_price_coins=order.expected_price_coins)
        locks = priced.gift_type.locks
        locks.check(now=datetime.now(UTC), country=order.country)
        if locks.needs_history:
            await self._check_history(order, locks)
        if priced.gift_type.needs_confirmation and not order.confirmed:
            raise ConfirmationRequired(price_coins=priced.gift_type.price_coins)
        return priced

    async def _check_history(self, order: GiftOrder, locks: Locks) -> None:
        async with self._database.part_for(order.viewer).transaction() as tx:
            known = await levels.read_history(tx, order.viewer, order.creator)
        level = locks.gifter_level_min
        if level is not None and known.level < level:
            raise GiftLocked(lock="gifter_level_min", gifter_level_min=level, level=known.level)
        if locks.fan_only and not known.is_fan:
            raise GiftLocked(lock="fan_only", fan_gift=FAN_GIFT)

    async def _commit(
        self, part: Part, requests: Sequence[GiftRequest]
    ) -> Sequence[Gift | Refusal]:
        catalogue = await self._catalogue_cache.current()
        async with admitting(self._database, part, requests) as (tx, known):
            return await request_gifts(
                tx, requests, known, catalogue, anybody_may_receive=self._anybody_may_receive
            )


@asynccontextmanager
async def admitting(
    database: Database, part: Part, requests: Sequence[GiftRequest]
) -> AsyncIterator[tuple[Transaction, Sequence[Admission]]]:
    """
    Begin a transaction that takes in gifts of viewers of a part, by what their creators allow.

    That is kept still until it has committed, by another transaction, of reference. The other one
    writes nothing: whichever of the two fails, a gift is there or not, and who asks again under its
    key finds out. Of the only part both are the same.
    """
    asked = [request.priced.details for request in requests]
    async with database.reference.transaction() as reference:
        known = await admissions.read(reference, asked)
        if part.number is None:
            yield reference, known
        else:
            async with part.transaction() as tx:
                yield tx, known
