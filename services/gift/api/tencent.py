"""
Tencent's live kit orders before it shows a gift: `Live.CallbackBeforeSendGift`, natively.

https://trtc.io/document/72210 has the bodies, https://trtc.io/document/64412 the signature. Apps
built on the kit are billed by us without a change to their clients.

The signature covers a second, and neither the body nor the application. `commands/signatures.py`
keeps a signature that was seen on its way from being used for anything else.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request
from pydantic import ConfigDict, Field, ValidationError

from services.gift.api.dependencies import Intake
from services.gift.commands.intake import GiftIntake, GiftOrder
from services.gift.commands.signatures import FRESH_SECONDS, SignatureRules, accept_body
from services.gift.domain.admissions import Blocked, GiftsOff, NotInRoom, RoomNotOpen
from services.gift.domain.catalogue import (
    CountTooLarge,
    GiftLocked,
    GiftToSelf,
    PriceChanged,
    UnknownGift,
)
from services.gift.domain.gifts import (
    TENCENT_KEYS,
    Gift,
    InsufficientCoins,
    LimitExceeded,
    SettledBefore,
    State,
    TooLate,
    WalletRefused,
    refusal_of,
)
from shared.contracts.base import in_unit, like
from shared.errors import Refusal
from shared.http import Name, Reference, UserId, from_state, request_id
from shared.http.access import SIGNED
from shared.http.bodies import Body
from shared.identity.ages import AgeUnknown, TooYoung
from shared.observability.tracing import traceparent
from shared.quotas.rules import TooOften
from shared.secrets import values_of

log = structlog.get_logger()

COMMAND = "Live.CallbackBeforeSendGift"
# Tencent waits two seconds and then blocks the gift itself. The wallet refuses what it has not
# decided half a second earlier, so that what was blocked was, but for a broken broker, not paid.
EXPIRY_SECONDS = 1.5
WAIT_SECONDS = 1.75
# They repeat a call at once or never. A later call wants a show for free.
REPEAT_SECONDS = 2.0
RECEIVERS_MAX = 50

# Codes from 102100 to 102200 reach the app's client as they are.
OTHER, UNDECIDED, UNAUTHENTICATED, MALFORMED, UNAVAILABLE = 102100, 102110, 102111, 102112, 102113
CODES: dict[type[Refusal], int] = {
    InsufficientCoins: 102101,
    PriceChanged: 102102,
    UnknownGift: 102103,
    GiftLocked: 102104,
    LimitExceeded: 102105,
    WalletRefused: 102106,
    GiftToSelf: 102107,
    CountTooLarge: 102108,
    TooLate: 102109,
    SettledBefore: UNDECIDED,
    RoomNotOpen: 102114,
    NotInRoom: 102115,
    GiftsOff: 102116,
    Blocked: 102117,
    AgeUnknown: 102118,
    TooYoung: 102119,
    TooOften: 102120,
}


@dataclass(frozen=True, slots=True)
class TencentAccount:
    """The secret both sides know, whose application it is, and what a signature is good for."""

    token: str
    sdk_app_id: str
    rules: SignatureRules = field(default_factory=SignatureRules)

    def vouches_for(self, *, sdk_app_id: str, sign: str, request_time: str, now: float) -> bool:
        """Whether a callback is from Tencent, for this application, and of the last minute."""
        if self.sdk_app_id != sdk_app_id:
            return False
        if not (request_time.isascii() and request_time.isdecimal() and len(request_time) < 16):
            return False
        given = sign.lower().encode()
        is_signed = any(
            hmac.compare_digest(_signature(token, request_time).encode(), given)
            for token in values_of(self.token)
        )
        return is_signed and abs(now - int(request_time)) <= FRESH_SECONDS


def _signature(token: str, request_time: str) -> str:
    return hashlib.sha256(f"{token}{request_time}".encode()).hexdigest()


# Only with an account: `main.py` adds it.
router = APIRouter(prefix="/v1", tags=["callbacks"])
Account = Annotated[TencentAccount, from_state("tencent")]
SdkAppId = Annotated[
    str,
    Query(
        alias="SdkAppid",
        description="The application of Tencent's kit; another than ours is refused.",
        examples=["1400000000"],
    ),
]
Command = Annotated[
    str,
    Query(
        alias="CallbackCommand",
        description="What Tencent asks. Any other command is let pass, and does nothing.",
        examples=[COMMAND],
    ),
]
Sign = Annotated[
    str,
    Query(
        alias="Sign",
        description="SHA-256 of the shared token and `RequestTime`, in hexadecimal.",
        examples=["4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a"],
    ),
]
RequestTime = Annotated[
    str,
    Query(
        alias="RequestTime",
        description="When Tencent signed it, in seconds since 1970-01-01; good for a minute.",
        examples=["1795435200"],
    ),
]


class GiftWater(Body):
    """Who gives what to whom; `Coins` is the price of one."""

    From_Account: Annotated[UserId, like("mira")]
    """Who gives: the viewer's id in Tencent's kit, which has to be the `sub` of their token."""
    To_Account: Annotated[
        list[UserId], Field(min_length=1, max_length=RECEIVERS_MAX, examples=[["lea"]])
    ]
    """Who gets it. Each receiver gets a gift of their own, which is paid separately."""
    Time: Annotated[
        int, Field(strict=True, ge=0), in_unit("seconds since 1970-01-01, UTC", 1_795_435_200)
    ]
    """
    When the viewer gave it, by Tencent's clock. The same gift of the same second is a repetition.
    """
    GiftId: Annotated[Name, like("g_tea")]
    """The gift type, as our catalogue calls it."""
    Count: Annotated[int, Field(strict=True, ge=1, le=999, examples=[20])]
    """How many pieces each receiver gets."""
    Coins: Annotated[int, Field(strict=True, ge=1), in_unit("coins", 5)]
    """The price of one piece that the app showed; another price blocks the gift."""


class Callback(Body):
    """What Tencent's servers ask before they show a gift."""

    model_config = ConfigDict(json_schema_extra={"description": "See trtc.io/document/72210."})

    CallbackCommand: Annotated[str, like(COMMAND)]
    """What Tencent asks: always `Live.CallbackBeforeSendGift` here."""
    Operator_Account: Annotated[str, like("administrator")] | None = None
    """Who made the request at Tencent; it is not used."""
    RoomId: Annotated[Name, like("room-1")]
    """The room, as Tencent's kit calls it; live has to know it by the same id."""
    GiftWater: GiftWater
    """The gift."""


class CallbackResponse(Body):
    """`ErrorCode` 0 lets the gift be shown; any other blocks it, and reaches the client."""

    ActionStatus: Annotated[str, like("OK", "FAIL")] = "OK"
    """`OK` lets the gift be shown, `FAIL` blocks it."""
    ErrorInfo: Annotated[str, like("", "The wallet holds fewer coins than the gift costs.")] = ""
    """Why it is blocked, in English; empty if it is not."""
    ErrorCode: Annotated[int, like(0, 102101)] = 0
    """
    0 lets the gift be shown. Any other code, from 102100 to 102120, blocks it and reaches the app's
    client.
    """


def _schema() -> dict[str, Any]:
    """Return the body's schema: FastAPI does not read the body itself, so it cannot describe it."""
    schema = Callback.model_json_schema()
    schema["properties"]["GiftWater"] = schema.pop("$defs")["GiftWater"]
    return schema


@router.post(
    "/callbacks/tencent",
    openapi_extra={
        **SIGNED,
        "requestBody": {"content": {"application/json": {"schema": _schema()}}},
    },
)
async def receive_tencent_callback(
    request: Request,
    db: Reference,
    intake: Intake,
    account: Account,
    sdk_app_id: SdkAppId = "",
    command: Command = COMMAND,
    sign: Sign = "",
    request_time: RequestTime = "",
) -> CallbackResponse:
    """
    Pay a gift that is about to be shown in a Tencent live room, or block it.

    It is shown if the gift to at least one receiver was paid. The same callback is the same
    gifts, however often it comes; two seconds after they were settled it is blocked.

    A signature brings another body within a few seconds of its `RequestTime` only.
    """
    began, now = time.monotonic(), time.time()
    if not account.vouches_for(
        sdk_app_id=sdk_app_id, sign=sign, request_time=request_time, now=now
    ):
        return _blocked(UNAUTHENTICATED, "The signature is not valid, or not of this minute.")
    if command != COMMAND:
        return (
            CallbackResponse()
        )  # other callbacks arrive at the same address, and ask nothing of us
    body = await request.body()
    try:
        callback = Callback.model_validate_json(body)
    except ValidationError as error:
        log.warning("callback.malformed", faults=error.errors(include_input=False)[:5])
        return _blocked(MALFORMED, "The callback is not what this route takes.")
    try:
        async with db.transaction() as tx:
            accepted = await accept_body(tx, int(request_time), body, account.rules, now=now)
    except Exception as error:  # noqa: BLE001 - whatever it is, they understand one answer only
        return _verdict([error])
    if not accepted:
        return _blocked(UNAUTHENTICATED, "The signature came with other gifts before.")
    return _verdict(await _give(intake, callback, began=began))


async def _give(
    intake: GiftIntake, callback: Callback, *, began: float
) -> list[Gift | BaseException]:
    """Ask for one gift a receiver, all at once; Tencent has waited since `began`."""
    receivers = list(dict.fromkeys(callback.GiftWater.To_Account))
    waited = time.monotonic() - began
    orders = [_order(callback, receiver, waited=waited) for receiver in receivers]
    return list(
        await asyncio.gather(
            *(intake.send(order, wait_seconds=max(0.0, WAIT_SECONDS - waited)) for order in orders),
            return_exceptions=True,
        )
    )


def _order(callback: Callback, receiver: str, *, waited: float) -> GiftOrder:
    water = callback.GiftWater
    # Nothing in a callback says whether it is a repeat, so the same gift of the same second is.
    asked = (callback.RoomId, water.GiftId, str(water.Count), str(water.Time), receiver)
    identity = hashlib.sha256("\n".join(asked).encode())
    return GiftOrder(
        viewer=water.From_Account,
        creator=receiver,
        room=callback.RoomId,
        gift_type=water.GiftId,
        count=water.Count,
        expected_price_coins=water.Coins,
        # The kit's own panel is where a viewer confirms.
        confirmed=True,
        idempotency_key=f"{TENCENT_KEYS}{identity.hexdigest()}",
        request_hash=identity.digest(),
        correlation_id=request_id(),
        traceparent=traceparent(),
        expiry_seconds=max(0.0, EXPIRY_SECONDS - waited),
        repeat_seconds=REPEAT_SECONDS,
    )


def _verdict(outcomes: Sequence[Gift | BaseException]) -> CallbackResponse:
    """Let pass what was paid for anybody; else say the first reason it was not."""
    if any(isinstance(each, Gift) and each.state is State.SENT for each in outcomes):
        return CallbackResponse()
    first = outcomes[0]
    if isinstance(first, Gift):
        if first.state is State.REQUESTED:
            return _blocked(UNDECIDED, "The gift was not decided in time.")
        first = refusal_of(first)
    if isinstance(first, Refusal):
        return _blocked(CODES.get(type(first), OTHER), first.title())
    log.error("callback.failed", exc_info=first)
    return _blocked(UNAVAILABLE, "The gift could not be taken in at the moment.")


def _blocked(code: int, why: str) -> CallbackResponse:
    return CallbackResponse(ActionStatus="FAIL", ErrorInfo=why, ErrorCode=code)
