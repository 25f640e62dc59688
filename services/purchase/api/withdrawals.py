"""Withdrawals from purchases: stated by their viewers within the time that the law gives."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from services.purchase.api.acknowledgements import HEADERS, render_acknowledgement
from services.purchase.api.packages import FromRules
from services.purchase.api.refunds import Refund
from services.purchase.commands import queries
from services.purchase.commands.withdrawals import Statement, record_withdrawal
from services.purchase.domain import refunds as refunds_domain
from services.purchase.domain import withdrawals as domain
from services.purchase.domain.purchases import NoSuchPurchase
from services.purchase.domain.refunds import NothingPaid
from services.purchase.domain.withdrawals import (
    AlreadyWithdrawn,
    NoSuchWithdrawal,
    NotWithdrawable,
    WithdrawalTooLate,
)
from shared.contracts.base import like
from shared.http import PRINTABLE, Db, IdempotencyKey, IdempotencyKeyMissing, refusals
from shared.http.auth import Caller
from shared.http.bodies import Body
from shared.http.fields import Instant, PurchaseId, WithdrawalId
from shared.idempotency import KeyReused, fingerprint
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Transaction

# Whatever is before and after it: nothing that could add an address or a header to a mail.
EMAIL = r"^[^\s@<>,;:\x22\x00-\x1f\x7f-\x9f]+@[^\s@<>,;:\x22\x00-\x1f\x7f-\x9f]+$"


def _can_be_read(name: str) -> str:
    if not any(sign.isprintable() and not sign.isspace() for sign in name):
        raise ValueError("this name has no visible letter")
    return name


def _is_visible(address: str) -> str:
    # Who answers would not see where the mail goes.
    if not address.isprintable():
        raise ValueError("this address has an invisible character")
    return address


ConsumerName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=PRINTABLE),
    AfterValidator(_can_be_read),
]
ReplyTo = Annotated[str, Field(max_length=254, pattern=EMAIL), AfterValidator(_is_visible)]
DOCUMENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {"schema": {"type": "string"}}}}
}

router = APIRouter(tags=["refunds"])


class WithdrawalRequest(Body):
    """
    The withdrawal statement: the viewer's name, and an e-mail address for the acknowledgement.

    Send it after the viewer has confirmed it. The viewer can always read and download the
    acknowledgement. With `reply_to`, the event `purchase.withdrawal_received` has the address, so
    that your mail service can send the acknowledgement.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[ConsumerName, like("Mira Example")]
    """The viewer's name, as they state it."""
    reply_to: Annotated[ReplyTo, like("mira@example.com")] | None = None
    """
    Where the acknowledgement is sent by your mail service; null if the viewer only reads and
    downloads it.
    """


class Withdrawal(Body):
    """A withdrawal, with the refund of the unused coins as it is now; else `reason` says why."""

    withdrawal: WithdrawalId
    purchase: PurchaseId
    """The purchase that the viewer withdrew from."""
    name: Annotated[str, like("Mira Example")]
    """The viewer's name, as they stated it."""
    reply_to: Annotated[str, like("mira@example.com")] | None
    """
    Where the acknowledgement was to be sent; null if no address was given, and after an erasure.
    """
    received_at: Instant
    """When the statement came; the law asks for exactly this moment."""
    period_ends_at: Annotated[Instant, like("2026-12-07T12:00:05Z")]
    """Until when the viewer could withdraw."""
    refund: Refund | None
    """The refund of the unused coins as it is now; null if nothing is refunded."""
    reason: Annotated[str | None, like(None, "disputed")]
    """Why nothing is refunded; null if something is."""


class Withdrawals(Body):
    """None, or the only one."""

    items: list[Withdrawal]
    """Empty, or the one withdrawal that there can be."""


@router.post(
    "/purchases/{purchase}/withdrawals",
    status_code=201,
    responses=refusals(
        IdempotencyKeyMissing,
        Unauthenticated,
        NoSuchPurchase,
        NothingPaid,
        NotWithdrawable,
        WithdrawalTooLate,
        AlreadyWithdrawn,
        KeyReused,
    ),
)
async def withdraw_from_purchase(
    purchase: PurchaseId,
    body: WithdrawalRequest,
    caller: Caller,
    key: IdempotencyKey,
    db: Db,
    rules: FromRules,
) -> Withdrawal:
    """
    Withdraw from one of your own purchases, before its `withdrawable_until`.

    The statement is recorded permanently, with its date and time. Unused coins of the purchase are
    frozen at once, and their share of the price is refunded. If no coins are unused, the statement
    is recorded all the same, and nothing is refunded.
    """
    statement = Statement(
        viewer=caller.user,
        purchase=purchase,
        key=key,
        request_hash=fingerprint(body) + purchase.bytes,
        consumer_name=body.name,
        reply_to=body.reply_to,
        received_at=datetime.now(UTC),
    )
    async with db.transaction() as tx:
        withdrawal = await record_withdrawal(tx, statement, rules)
        refund = await queries.read_refund_of(tx, withdrawal)
    return shown(withdrawal, refund)


@router.get(
    "/purchases/{purchase}/withdrawals",
    responses=refusals(Unauthenticated, NoSuchPurchase),
)
async def list_withdrawals(purchase: PurchaseId, caller: Caller, db: Db) -> Withdrawals:
    """Read the withdrawal from one of one's own purchases, if there is one."""
    async with db.transaction() as tx:
        return await withdrawals_of(tx, caller.user, purchase)


@router.get(
    "/purchases/{purchase}/withdrawals/{withdrawal}/acknowledgement",
    response_class=HTMLResponse,
    responses={**DOCUMENT, **refusals(Unauthenticated, NoSuchPurchase, NoSuchWithdrawal)},
)
async def download_acknowledgement(
    purchase: PurchaseId, withdrawal: WithdrawalId, caller: Caller, db: Db
) -> Response:
    """Download the acknowledgement that a withdrawal was received: a page of its own, to keep."""
    async with db.transaction() as tx:
        bought = await queries.read_purchase(tx, caller.user, purchase)
        found = await queries.read_withdrawal(tx, caller.user, purchase)
    if found is None or found.id != withdrawal:
        raise NoSuchWithdrawal(withdrawal=withdrawal)
    return HTMLResponse(render_acknowledgement(bought, found), headers=HEADERS)


async def withdrawals_of(tx: Transaction, viewer: str, purchase: PurchaseId) -> Withdrawals:
    """Return the withdrawal from a viewer's purchase as its readers see it, if there is one."""
    found = await queries.read_withdrawal(tx, viewer, purchase)
    if found is None:
        return Withdrawals(items=[])
    return Withdrawals(items=[shown(found, await queries.read_refund_of(tx, found))])


def shown(withdrawal: domain.Withdrawal, refund: refunds_domain.Refund | None) -> Withdrawal:
    return Withdrawal(
        withdrawal=withdrawal.id,
        purchase=withdrawal.purchase,
        name=withdrawal.consumer_name,
        reply_to=withdrawal.reply_to,
        received_at=withdrawal.received_at,
        period_ends_at=withdrawal.period_ends_at,
        refund=Refund.model_validate(refund) if refund is not None else None,
        reason=withdrawal.reason,
    )
