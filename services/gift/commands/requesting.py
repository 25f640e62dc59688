"""Taking gifts in, a whole batch of requests in one transaction, and asking again later."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from services.gift.commands.combos import join_combos
from services.gift.domain.admissions import Target, TargetToken, admit
from services.gift.domain.catalogue import Catalogue, Wish
from services.gift.domain.creators import MessageState
from services.gift.domain.gifts import Gift, State
from services.gift.store import admissions
from services.gift.store import gifts as store
from shared.contracts.base import NAMESPACE
from shared.contracts.envelope import Cause
from shared.contracts.gift import GiftRequested
from shared.database import Transaction
from shared.errors import Refusal
from shared.http import Key, KeyReused, count_key
from shared.messaging.outbox import Fact, announce

# Later than this the wallet refuses: a viewer who gave up must not be charged next day.
EXPIRY_SECONDS = 300
# The answer to a question has been lost, or the question; asking twice is safe.
ASK_AGAIN_SECONDS = 600
ASK_AGAIN_MAX = 500
ROUTE = "/v1/gifts"


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
    # What the host signed about who may be given to.
    target: TargetToken | None = None

    @property
    def gift(self) -> UUID:
        return gift_id(self.wish.viewer, self.idempotency_key)


def gift_id(viewer: str, idempotency_key: str) -> UUID:
    """The gift's id follows from who asks under which key, so asking again finds it."""
    return uuid5(NAMESPACE, f"gift\n{viewer}\n{idempotency_key}")


async def request_gifts(
    tx: Transaction,
    requests: Sequence[GiftRequest],
    catalogue: Catalogue,
    *,
    anybody_may_receive: bool = False,
) -> list[Gift | Refusal]:
    """
    Remember each gift under its key and announce the new ones, one answer a request.

    Whether its creator may receive it is decided here, under locks that whoever blocks a viewer or
    switches gifts off takes as well. A key that was used before answers with its gift as it stands
    now, whatever is so of the room meanwhile; with another body it is refused, and its neighbours
    in the batch are not.
    """
    now = datetime.now(UTC)
    first, refused = await _admit(tx, requests, now, anybody=anybody_may_receive)
    gifts = {identifier: gift for identifier, (_, gift) in first.items()}
    hashes = {identifier: request.request_hash for identifier, (request, _) in first.items()}
    new = await store.insert_gifts(
        tx,
        [
            store.Request(gift, request.idempotency_key, request.request_hash)
            for request, gift in first.values()
        ],
    )
    asked = [gift for gift in gifts if gift in new]
    combos, ended = await join_combos(tx, [gifts[gift] for gift in asked], catalogue)
    gifts |= {gift: replace(gifts[gift], combo=combo) for gift, combo in combos.items()}
    questions = [question(gifts[gift], now, first[gift][0].traceparent) for gift in asked]
    await announce(tx, [*ended, *questions])
    repeated = {(request.wish.viewer, request.gift) for request in requests} - {
        (gifts[gift].viewer, gift) for gift in new
    }
    if repeated:
        for gift, request_hash in (await store.remembered(tx, sorted(repeated))).values():
            gifts[gift.id], hashes[gift.id] = gift, request_hash
    tx.after_commit(lambda: _count([each for each in requests if each.gift in gifts], new, hashes))
    return [
        _answer(request, gifts.get(request.gift), hashes, refused.get(place))
        for place, request in enumerate(requests)
    ]


async def _admit(
    tx: Transaction, requests: Sequence[GiftRequest], now: datetime, *, anybody: bool
) -> tuple[dict[UUID, tuple[GiftRequest, Gift]], dict[int, Refusal]]:
    """
    Return the first request of each gift whose creator may receive it, and the gift.

    Of the others, by their place, why not.
    """
    known = await admissions.read(tx, [request.wish for request in requests])
    first: dict[UUID, tuple[GiftRequest, Gift]] = {}
    refused: dict[int, Refusal] = {}
    for place, (request, admission) in enumerate(zip(requests, known, strict=True)):
        try:
            target = admit(
                request.wish, admission, request.target, anybody=anybody, now=now.timestamp()
            )
        except Refusal as refusal:
            refused[place] = refusal
        else:
            gift = _new_gift(request, now, target, is_held=admission.holds)
            first.setdefault(request.gift, (request, gift))
    return first, refused


def _answer(
    request: GiftRequest,
    gift: Gift | None,
    hashes: Mapping[UUID, bytes],
    refused: Refusal | None,
) -> Gift | Refusal:
    if gift is None:
        assert refused is not None
        return refused
    return gift if hashes[gift.id] == request.request_hash else KeyReused(gift=gift.id)


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


def _count(
    requests: Sequence[GiftRequest], new: Collection[UUID], hashes: Mapping[UUID, bytes]
) -> None:
    """Count what the keys were; of several with a new key in one batch, the first is new."""
    unseen = set(new)
    for request in requests:
        if hashes[request.gift] == request.request_hash:
            count_key(ROUTE, Key.NEW if request.gift in unseen else Key.REPEATED)
        unseen.discard(request.gift)


async def ask_again(tx: Transaction) -> bool:
    """Repeat the question about gifts that stayed open; return whether there may be more."""
    gifts = await store.ask_again(tx, older_than_seconds=ASK_AGAIN_SECONDS, limit=ASK_AGAIN_MAX)
    now = datetime.now(UTC)
    await announce(tx, [question(gift, now) for gift in gifts])
    return len(gifts) == ASK_AGAIN_MAX


def _new_gift(request: GiftRequest, now: datetime, target: Target, *, is_held: bool) -> Gift:
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
        target=target.value,
        message_state=MessageState.HELD if is_held and wish.message is not None else None,
    )


def question(gift: Gift, at: datetime, traceparent: str | None = None) -> Fact:
    """Say that the viewer asks, for the gift's present attempt."""
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
    return Fact(asked, gift.attempt, Cause(gift.correlation_id, traceparent=traceparent), at)
