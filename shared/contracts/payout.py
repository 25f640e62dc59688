"""Events of the payout service: diamonds earned, and diamonds becoming money."""

from typing import Annotated, ClassVar

from pydantic import Field

from .base import (
    AdjustmentId,
    AttemptId,
    BlockEvent,
    CreatorId,
    Currency,
    Diamonds,
    DiamondsOrNone,
    Event,
    GiftId,
    LotId,
    MinorUnits,
    Moment,
    Name,
    Operator,
    PayoutId,
    Revision,
    UserId,
    like,
    number,
)
from .erasures import PayoutDataErased, PayoutErasureChecked
from .rates import BonusEarned, CreatorRateAnnounced, RateAnnounced
from .shares import GiftShared, ShareRestored, ShareReversed

ReviewReason = Annotated[Name, like("clawback", "large-amount")]
# What a person wrote for another person to read.
Facts = Annotated[
    str,
    Field(max_length=2_000),
    like("Three cards that paid for the gifts were reported stolen."),
]
# All but the end is hidden.
Masked = Annotated[str, Field(max_length=16, pattern=r"^\*+[!-~]{0,4}$")]


class DiamondsEarned(Event):
    """
    A gift became diamonds of its creator.

    The sequence is the version of the creator's account. `diamonds` may be 0: promotional
    coins can be worth nothing.
    """

    name = "payout.diamonds_earned"
    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("gift",)

    creator: CreatorId
    """Whose diamonds they are: the `sub` of the creator's token."""
    gift: GiftId
    """The gift that earned them."""
    viewer: UserId
    """Who gave it, anonymously or not (`gift.sent` says that): never show it to the creator."""
    coins: Annotated[int, number("coins", 500, 100, gt=0)]
    """What the gift cost, in coins."""
    diamonds: DiamondsOrNone
    """What it earned, in diamonds; 0 for coins that are worth nothing to the creator."""
    matures_at: Annotated[Moment, like("2026-11-30T12:00:00Z")]
    """From when on the diamonds can be paid out. UTC."""
    balance_diamonds: Annotated[DiamondsOrNone, like(12_500, 2_250)]
    """What the creator can be paid out afterwards, in diamonds; pending ones are not counted."""
    shared_by: Annotated[CreatorId, like("tomas")] | None = None
    """Of a gift that another creator shares: who received it. Null: the creator received it."""


class DiamondsMatured(Event):
    """Diamonds that were pending are available; `batch` numbers the creator's maturings."""

    name = "payout.diamonds_matured"
    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("batch",)

    creator: CreatorId
    """Whose diamonds they are: the `sub` of the creator's token."""
    batch: Annotated[int, number("batches", 4, 5, ge=1)]
    """The number of this maturing, counted for each creator."""
    diamonds: Diamonds
    """How many matured, in diamonds."""
    balance_diamonds: Annotated[DiamondsOrNone, like(12_500, 2_250)]
    """What the creator can be paid out afterwards, in diamonds; pending ones are not counted."""


class ClawbackEvent(Event):
    """A gift's diamonds follow its coins: taken when the money was, back when it is."""

    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("gift", "lot", "revision")

    creator: CreatorId
    """Whose diamonds they are: the `sub` of the creator's token."""
    gift: GiftId
    """The gift that had earned them."""
    lot: LotId
    """The lot whose money was taken back or returned."""
    revision: Revision
    """The revision of the lot that this follows."""
    diamonds: DiamondsOrNone
    """What the creator's balances lost or got, in diamonds."""
    loss_diamonds: Annotated[DiamondsOrNone, like(0, 50)] = 0
    """What the operator bore or got back instead, in diamonds."""
    balance_diamonds: Annotated[DiamondsOrNone, like(12_500, 2_250)]
    """What the creator can be paid out afterwards, in diamonds; pending ones are not counted."""


class DiamondsClawedBack(ClawbackEvent):
    """The money behind these diamonds was taken back."""

    name = "payout.diamonds_clawed_back"


class DiamondsRestored(ClawbackEvent):
    """The money behind these diamonds is there again."""

    name = "payout.diamonds_restored"

    matures_at: Annotated[Moment, like("2026-11-30T12:00:00Z")] | None = None
    """From when on what came back can be paid out: it waits as new diamonds do. UTC; null: now."""


class DiamondsAdjusted(Event):
    """Two operators corrected a balance; `diamonds` is positive or negative."""

    name = "payout.diamonds_adjusted"
    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("adjustment",)

    creator: CreatorId
    """Whose diamonds they are: the `sub` of the creator's token."""
    adjustment: AdjustmentId
    """The correction, as the operators' routes know it."""
    diamonds: Annotated[int, number("diamonds", 250, -250)]
    """What was added, in diamonds; less than 0 if it was taken."""
    reason: Annotated[Name, like("goodwill", "booked twice")]
    """Why, in the operator's words."""
    balance_diamonds: Annotated[DiamondsOrNone, like(12_500, 2_250)]
    """What the creator can be paid out afterwards, in diamonds; pending ones are not counted."""


class PayeeChanged(Event):
    """
    A creator's money will go to another account: notify the creator, it may have been a thief.

    The first account is no change; the first one in another currency is. The new one rests before
    it can be used, and a person looks at the first payout that goes there.
    """

    name = "payout.payee_changed"
    subject_field = "creator"
    partition_field = "creator"
    discriminator_fields = ("revision",)

    creator: CreatorId
    """Whose money it is: the `sub` of the creator's token."""
    revision: Revision
    """How many accounts the creator has named so far, this one included."""
    provider: Annotated[Name, like("sandbox")]
    """Who sends the money there."""
    changed_by: UserId
    """Who changed it: the `sub` of the token."""
    usable_at: Annotated[Moment, like("2026-11-26T12:00:00Z")]
    """From when on money may go there. UTC."""
    currency: Currency | None = None
    """Which currency's money goes there, ISO 4217."""
    destination: Annotated[Masked, like("********_new")] | None = None
    """The end of the new account's name, or of what stands for an e-mail address."""
    previous_provider: Annotated[Name, like("sandbox")] | None = None
    """Who sent money of this currency before; null if it had no account."""
    previous_destination: Annotated[Masked, like("********_lea")] | None = None
    """The end of the account's name before: tell the creator which one was replaced."""


class PayoutEvent(Event):
    """Something that happened to one payout of one creator."""

    subject_field = "payout"
    partition_field = "creator"

    payout: PayoutId
    """The payout, as `POST /v1/payouts` answered."""
    creator: CreatorId
    """Whose diamonds they are: the `sub` of the creator's token."""
    diamonds: Annotated[Diamonds, like(10_000, 2_500)]
    """How many diamonds become money, in diamonds."""
    amount_minor: MinorUnits
    """What arrives at the creator, after the fee, in minor units of `currency`."""
    fee_minor: Annotated[MinorUnits, like(0, 100)] = 0
    """What was kept as a fee, in minor units of `currency`."""
    currency: Currency
    """The currency of both amounts, ISO 4217."""


class PayoutRequested(PayoutEvent):
    """The creator asked for money; the diamonds are reserved."""

    name = "payout.requested"

    rate_version: Annotated[int, number("versions", 1, ge=1)]
    """The version of the operator's rate that turned diamonds into money."""
    value_minor: MinorUnits | None = None
    """What the payout counts for in the operator's books, in minor units of `value_currency`."""
    value_currency: Currency | None = None
    """The currency of the books, ISO 4217; `currency` differs if money was exchanged."""


class PayoutRiskFound(PayoutEvent):
    """
    A fraud rule found its sign behind a requested payout.

    A rule in `shadow` mode stops nothing; what it finds is published all the same.
    """

    name = "payout.risk_found"
    discriminator_fields = ("rule",)

    rule: Annotated[Name, like("concentration", "account-farm")]
    """Which rule, as a stable code."""
    rule_version: Annotated[int, number("versions", 1, 2, ge=1)]
    """The version of the rule's numbers."""
    mode: Annotated[Name, like("enforced", "shadow")]
    """Whether the finding puts the payout under review: `enforced`, or `shadow`."""
    score_bp: Annotated[int, number("basis points", 7_800, 2_000, ge=0, le=10_000)]
    """Which share of the creator's diamonds shows the sign, in basis points."""
    accounts: Annotated[int, number("accounts", 2, 8, ge=0)]
    """How many viewers' accounts show it; operators can read which."""


class PayoutHeld(PayoutEvent):
    """A person has to look at the payout before it goes on."""

    name = "payout.held"
    discriminator_fields = ("revision",)

    reason: Annotated[Name, like("clawback")]
    """Why, as a stable code; the first of `reasons`."""
    revision: Revision
    """The version of the payout: it may be held, approved and held again."""
    reasons: tuple[ReviewReason, ...] = ()
    """All reasons, as stable codes; a rule found them, and a person decides."""
    decide_by: Annotated[Moment, like("2026-11-30T12:00:00Z")] | None = None
    """When a decision is due. UTC."""


class PayoutApproved(PayoutEvent):
    """The payout may be sent."""

    name = "payout.approved"
    discriminator_fields = ("revision",)

    approved_by: Operator
    """Who decided: the `sub` of the operator's token, or `rule`."""
    revision: Revision
    """The version of the payout: it may be held, approved and held again."""


class PayoutRejected(PayoutEvent):
    """A person decided against it; the diamonds are the creator's again."""

    name = "payout.rejected"

    reason: Annotated[Name, like("stolen cards")]
    """Why, in the operator's words."""
    ground: Annotated[Name, like("terms", "law")] | None = None
    """What the decision rests on: `terms` of the operator, or `law`."""
    clause: Annotated[Name, like("3.2 Fraud")] | None = None
    """Which clause of the terms, or which law."""
    facts: Facts | None = None
    """The facts that the decision rests on, as its creator may read them."""
    is_automated: Annotated[bool, like(False)] | None = None
    """Whether a machine decided alone; rules only find, and people reject."""
    appeal_until: Annotated[Moment, like("2027-05-29T12:00:00Z")] | None = None
    """Until when the creator may appeal with `POST /v1/payouts/{payout}/appeal`. UTC."""


class PayoutAppealed(PayoutEvent):
    """The creator appealed against a rejection; a person decides who has not decided before."""

    name = "payout.appealed"

    decide_by: Annotated[Moment, like("2026-11-30T12:00:00Z")]
    """When a decision is due. UTC."""


class PayoutAppealDecided(PayoutEvent):
    """A person decided about an appeal: tell the creator."""

    name = "payout.appeal_decided"

    overturned: Annotated[bool, like(True, False)]
    """Whether the rejection was wrong: the creator may ask for the same money again at once."""
    reason: Annotated[Name, like("the cards were not stolen")]
    """Why, in the operator's words."""


class AttemptEvent(PayoutEvent):
    """Something that happened to one attempt to send one payout."""

    discriminator_fields: ClassVar[tuple[str, ...]] = ("attempt",)

    attempt: AttemptId
    """Which attempt it is: a payout that failed is a new attempt when it is tried again."""
    provider: Annotated[Name, like("sandbox")]
    """Who sends the money."""


class PayoutSent(AttemptEvent):
    """The provider has the order to pay."""

    name = "payout.sent"


class PayoutPaid(AttemptEvent):
    """The money arrived; the reserved diamonds are gone."""

    name = "payout.paid"


class PayoutFailed(AttemptEvent):
    """The provider could not pay; the diamonds are the creator's again."""

    name = "payout.failed"

    reason: Annotated[Name, like("account_closed", "unknown")]
    """Why, as a code of the provider."""


class PayoutPartlyReturned(AttemptEvent):
    """
    Part of the money came back after it was paid; the diamonds of it are the creator's again.

    Both figures count all parts so far. If the rest comes back as well, `payout.returned` says so.
    """

    name = "payout.partly_returned"
    discriminator_fields = ("attempt", "returned_minor")

    returned_minor: Annotated[MinorUnits, like(1_000, 250)]
    """What has come back so far, in minor units of `currency`."""
    returned_diamonds: Annotated[DiamondsOrNone, like(2_000, 500)]
    """The diamonds that were given back for it so far, in diamonds."""
    reason: Annotated[Name, like("reversed", "unknown")]
    """Why, as a code of the provider."""


class PayoutReturned(AttemptEvent):
    """The money came back after it was paid; all of the diamonds are the creator's again."""

    name = "payout.returned"

    reason: Annotated[Name, like("account_closed", "unknown")]
    """Why, as a code of the provider."""


class BlockSealed(BlockEvent):
    """A block of the diamond ledger's movements was sealed."""

    name = "payout.block_sealed"


EVENTS: tuple[type[Event], ...] = (
    DiamondsEarned,
    DiamondsMatured,
    DiamondsClawedBack,
    DiamondsRestored,
    DiamondsAdjusted,
    BonusEarned,
    RateAnnounced,
    CreatorRateAnnounced,
    BlockSealed,
    PayeeChanged,
    PayoutRequested,
    PayoutRiskFound,
    PayoutHeld,
    PayoutApproved,
    PayoutRejected,
    PayoutAppealed,
    PayoutAppealDecided,
    PayoutSent,
    PayoutPaid,
    PayoutFailed,
    PayoutReturned,
    PayoutErasureChecked,
    PayoutDataErased,
    PayoutPartlyReturned,
    GiftShared,
    ShareReversed,
    ShareRestored,
)
