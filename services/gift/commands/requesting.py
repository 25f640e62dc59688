"""Taking gifts in, a whole batch of requests in one transaction, and asking again later."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from services.gift.commands.combos import join_combos
from services.gift.domain.catalogue import Catalogue, Wish
from services.gift.domain.gifts import Gift, State
from services.gift.store import gifts as store
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.gift import GiftRequested
from shared.database import Transaction
from shared.http import KeyReused
from shared.messaging.outbox import Fact, announce

# Later than this the wallet refuses: a viewer who gave up must not be charged next day.
EXPIRY_SECONDS = 300
# The answer to a question has been lost, or the question; asking twice is safe.
ASK_AGAIN_SECONDS = 600
ASK_AGAIN_MAX = 500


@dataclass(frozen=True, slots=True)
class GiftRequest:
    """A wish with the key under which its viewer may repeat it."""

    wish: Wish
    idempotency_key: str
    request_hash: bytes
    correlation_id: str
    # What the viewer's token says of their age, if anything.
    age_verified: int | None = None
    # The caller's trace, which the gift's facts go on with.
    traceparent: str | None = None
    # How long the wallet may take to decide.
    expiry_seconds: float = EXPIRY_SECONDS

    @property
    def gift(self) -> UUID:
        return gift_id(self.wish.viewer, self.idempotency_key)


def gift_id(viewer: str, idempotency_key: str) -> UUID:
    """The gift's id follows from who asks under which key, so asking again finds it."""
    return uuid5(NAMESPACE, f"gift\n{viewer}\n{idempotency_key}")


async def request_gifts(
    tx: Transaction, requests: Sequence[GiftRequest], catalogue: Catalogue
) -> list[Gift | KeyReused]:
    """
    Remember each gift under its key and announce the new ones, one answer a request.

    A key that was used before answers with its gift as it stands now; with another body it is
    refused, and its neighbours in the batch are not.
    """
    now = datetime.now(UTC)
    first: dict[UUID, GiftRequest] = {}
    for request in requests:
        first.setdefault(request.gift, request)
    gifts = {gift: _new_gift(request, now) for gift, request in first.items()}
    new = await store.insert_gifts(
        tx,
        [
            store.Request(gifts[gift], request.idempotency_key, request.request_hash)
            for gift, request in first.items()
        ],
    )
    asked = [gift for gift in gifts if gift in new]
    combos, ended = await join_combos(tx, [gifts[gift] for gift in asked], catalogue)
    gifts |= {gift: replace(gifts[gift], combo=combo) for gift, combo in combos.items()}
    questions = [_question(gifts[gift], first[gift].traceparent) for gift in asked]
    await announce(tx, [*ended, *questions])
    hashes = {gift: request.request_hash for gift, request in first.items()}
    if repeated := [gift for gift in gifts.values() if gift.id not in new]:
        known = await store.remembered(tx, [(gift.viewer, gift.id) for gift in repeated])
        for gift, request_hash in known.values():
            gifts[gift.id], hashes[gift.id] = gift, request_hash
    return [
        gifts[request.gift]
        if hashes[request.gift] == request.request_hash
        else KeyReused(gift=request.gift)
        for request in requests
    ]


async def find_repeated(
    tx: Transaction, viewer: str, idempotency_key: str, request_hash: bytes
) -> Gift | None:
    """Return the gift that was asked for under this key before, if there is one."""
    gift = gift_id(viewer, idempotency_key)
    found = (await store.remembered(tx, [(viewer, gift)])).get(gift)
    if found is None:
        return None
    if found[1] != request_hash:
        raise KeyReused(gift=gift)
    return found[0]


async def ask_again(tx: Transaction) -> bool:
    """Repeat the question about gifts that stayed open; return whether there may be more."""
    gifts = await store.ask_again(tx, older_than_seconds=ASK_AGAIN_SECONDS, limit=ASK_AGAIN_MAX)
    await announce(tx, [_question(gift) for gift in gifts])
    return len(gifts) == ASK_AGAIN_MAX


def _new_gift(request: GiftRequest, now: datetime) -> Gift:
    wish = request.wish
    return Gift(
        viewer=wish.viewer,
        id=request.gift,
        creator=wish.creator,
        room=wish.room,
        gift_type=wish.gift_type.id,
        count=wish.count,
        price_coins=wish.gift_type.price_coins,
        coins=wish.coins,
        message=wish.message,
        anonymous=wish.anonymous,
        state=State.REQUESTED,
        attempt=1,
        requested_at=now,
        expires_at=now + timedelta(seconds=request.expiry_seconds),
        settled_at=None,
        correlation_id=request.correlation_id,
        age_verified=request.age_verified,
        mode=wish.gift_type.mode,
    )


def _question(gift: Gift, traceparent: str | None = None) -> Fact:
    asked = GiftRequested(
        gift=gift.id,
        viewer=gift.viewer,
        creator=gift.creator,
        room=gift.room,
        gift_type=gift.gift_type,
        count=gift.count,
        coins=gift.coins,
        price_coins=gift.price_coins,
        expires_at=gift.expires_at,
        attempt=gift.attempt,
        age_verified=gift.age_verified,
        combo=gift.combo,
    )
    return Fact(asked, gift.attempt, Cause(gift.correlation_id, traceparent=traceparent))
