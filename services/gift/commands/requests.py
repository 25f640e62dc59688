"""Requests of gifts: a batch is one transaction; a gift that stays open is requested again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from services.gift.commands.combos import join_combos
from services.gift.domain.admissions import Admission, Target, TargetToken, admit
from services.gift.domain.catalogue import Catalogue, PricedGift
from services.gift.domain.creators import MessageState
from services.gift.domain.gifts import Gift, State, details_of
from services.gift.store import admissions
from services.gift.store import gifts as store
from services.gift.store.gifts import RequestKey
from shared.contracts.envelope import Cause
from shared.contracts.gift import GiftRequested
from shared.errors import Refusal
from shared.idempotency import Key, KeyReused, count_key
from shared.messaging.facts import Fact
from shared.messaging.outbox import publish
from shared.postgres.database import Transaction

# Later than this the wallet refuses: a gift must not be charged long after its viewer gave up.
EXPIRY_SECONDS = 300
# The request or its outcome was lost; a second request is safe.
REPEAT_SECONDS = 600
REPEAT_MAX = 500
ROUTE = "/v1/gifts"


@dataclass(frozen=True, slots=True)
class GiftRequest:
    """A priced gift with the key under which its viewer may repeat it."""

    priced: PricedGift
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
    # The id of the gift if its key is new. A feed shows it, and an id that follows from the viewer
    # and the key names the giver of an anonymous gift to everybody who tries keys.
    gift: UUID = field(default_factory=uuid4)

    @property
    def key(self) -> RequestKey:
        """The stored gift of this key is the memory of the request: asking again finds it."""
        return self.priced.details.viewer, self.idempotency_key


async def request_gifts(
    tx: Transaction,
    requests: Sequence[GiftRequest],
    known: Sequence[Admission],
    catalogue: Catalogue,
    *,
    anybody_may_receive: bool = False,
) -> list[Gift | Refusal]:
    """
    Store each gift under its key and publish the new ones; return one answer a request.

    Admission is decided by what is `known` of each gift's creator and room, under locks that a
    block of a viewer or a switch of gifts takes as well: whoever read it still holds them. A
    repeated key is answered with its gift as it stands now, even if the room closed since; with
    another body it is refused, and its neighbours in the batch are not.
    """
    now = datetime.now(UTC)
    first, refused = await _admit(tx, requests, known, now, anybody=anybody_may_receive)
    gifts = {key: gift for key, (_, gift) in first.items()}
    hashes = {key: request.request_hash for key, (request, _) in first.items()}
    inserted = await store.insert_gifts(
        tx,
        [
            store.Request(gift, request.idempotency_key, request.request_hash)
            for request, gift in first.values()
        ],
    )
    new = [key for key, gift in gifts.items() if gift.id in inserted]
    combos, ended = await join_combos(tx, [gifts[key] for key in new], catalogue)
    gifts |= {key: replace(gifts[key], combo=combos.get(gifts[key].id)) for key in new}
    requested = [requested_fact(gifts[key], now, first[key][0].traceparent) for key in new]
    await publish(tx, [*ended, *requested])
    if repeated := {request.key for request in requests}.difference(new):
        for key, (gift, request_hash) in (await store.remembered(tx, sorted(repeated))).items():
            gifts[key], hashes[key] = gift, request_hash
    tx.after_commit(lambda: _count([each for each in requests if each.key in gifts], new, hashes))
    return [
        _answer(request, gifts.get(request.key), hashes, refused.get(place))
        for place, request in enumerate(requests)
    ]


async def _admit(
    tx: Transaction,
    requests: Sequence[GiftRequest],
    known: Sequence[Admission],
    now: datetime,
    *,
    anybody: bool,
) -> tuple[dict[RequestKey, tuple[GiftRequest, Gift]], dict[int, Refusal]]:
    """
    Return the first request of each key whose gift the creator may receive, and the gift.

    Of the others, by their place, why not.
    """
    asked = [request.priced.details for request in requests]
    known = await admissions.with_unpaid(tx, asked, known)
    first: dict[RequestKey, tuple[GiftRequest, Gift]] = {}
    refused: dict[int, Refusal] = {}
    for place, (request, admission) in enumerate(zip(requests, known, strict=True)):
        try:
            target = admit(
                asked[place], admission, request.target, anybody=anybody, now=now.timestamp()
            )
        except Refusal as refusal:
            refused[place] = refusal
        else:
            gift = _new_gift(request, now, target, is_held=admission.holds)
            first.setdefault(request.key, (request, gift))
    return first, refused


def _answer(
    request: GiftRequest,
    gift: Gift | None,
    hashes: Mapping[RequestKey, bytes],
    refused: Refusal | None,
) -> Gift | Refusal:
    if gift is None:
        assert refused is not None
        return refused
    return gift if hashes[request.key] == request.request_hash else KeyReused(gift=gift.id)


async def find_repeated(
    tx: Transaction, viewer: str, idempotency_key: str, request_hash: bytes
) -> Gift | None:
    """Return the gift that was asked for under this key before, if there is one."""
    key = viewer, idempotency_key
    found = (await store.remembered(tx, [key])).get(key)
    if found is None:
        return None
    gift, known_hash = found
    if known_hash != request_hash:
        raise KeyReused(gift=gift.id)
    return gift


def _count(
    requests: Sequence[GiftRequest],
    new: Collection[RequestKey],
    hashes: Mapping[RequestKey, bytes],
) -> None:
    """Count what the keys were; of several with a new key in one batch, the first is new."""
    unseen = set(new)
    for request in requests:
        if hashes[request.key] == request.request_hash:
            count_key(ROUTE, Key.NEW if request.key in unseen else Key.REPEATED)
        unseen.discard(request.key)


async def repeat_requests(tx: Transaction) -> bool:
    """Request gifts again that stay open; return whether there may be more."""
    gifts = await store.repeat_requests(tx, older_than_seconds=REPEAT_SECONDS, limit=REPEAT_MAX)
    now = datetime.now(UTC)
    await publish(tx, [requested_fact(gift, now) for gift in gifts])
    return len(gifts) == REPEAT_MAX


def _new_gift(request: GiftRequest, now: datetime, target: Target, *, is_held: bool) -> Gift:
    priced = request.priced
    return Gift(
        **details_of(priced.details),
        id=request.gift,
        price_coins=priced.gift_type.price_coins,
        coins=priced.coins,
        state=State.REQUESTED,
        attempt=1,
        requested_at=now,
        expires_at=now + timedelta(seconds=request.expiry_seconds),
        decided_at=None,
        correlation_id=request.correlation_id,
        age_verified=request.age_verified,
        mode=priced.gift_type.mode,
        target=target.value,
        message_state=MessageState.HELD if is_held and priced.details.message is not None else None,
    )


def requested_fact(gift: Gift, at: datetime, traceparent: str | None = None) -> Fact:
    """Return the fact that the gift is requested, as its present attempt."""
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
        anonymous=gift.anonymous,
    )
    return Fact(asked, gift.attempt, Cause(gift.correlation_id, traceparent=traceparent), at)
