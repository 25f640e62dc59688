"""
Stripe Checkout as a payment provider: cards, wallets, and all methods that the account enables.

A payment is a Checkout session, and its id is the payment's for ever: the payment intent and the
charge are there only once a viewer tries to pay, and are kept as names. A webhook is a reason to
ask, and nothing more. We never search: Stripe's search lags behind, by an hour in outages.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import structlog

from services.purchase.domain.purchases import (
    AcceptedRefund,
    BadSignature,
    Payment,
    Purchase,
    WebhookEvent,
)
from services.purchase.providers.answers import return_address, stamped
from services.purchase.providers.stripe_answers import (
    FraudWarning,
    Refund,
    RefundReference,
    Session,
    SessionReference,
    StripeDispute,
    payment_of,
)
from services.purchase.providers.stripe_events import EVENTS, StripeEvents
from shared.http.provider_client import ProviderRejected, ProviderUnavailable
from shared.vendors.installations import Installation
from shared.vendors.stripe import (
    ANSWER_SECONDS_MAX,
    REMEMBERS_KEYS_FOR,
    AmountNotPossible,
    KeySpent,
    NoSuchObject,
    StripeClient,
    is_live,
    is_signed,
    to_stripe,
)
from shared.vendors.stripe_objects import PAGE, Event, Listed, is_replayed, read_stripe

if TYPE_CHECKING:
    import stripe

log = structlog.get_logger()

# Longer than we take money for it, and at least 30 minutes after Stripe's own clock at any time
# at which we create it: the same for each try, because other parameters under a key are refused.
SESSION_LIVES_FOR = timedelta(hours=1)
# Between our clock and Stripe's, where sessions are listed by the time of their creation.
CLOCKS_DIFFER_BY = timedelta(minutes=10)
LISTS_EVENTS_FOR = timedelta(days=30)
# A list of more pages is none that ends in time.
PAGES_MAX = 100
# An hour's webhooks, if none of them was taken: a list that is cut off would never be read.
EVENT_PAGES_MAX = 10_000
_CHARGE = "payment_intent.latest_charge.balance_transaction"

Result = TypeVar("Result")


class StripeProvider:
    """A client of one Stripe account, in its live mode or in its test mode."""

    remembers_keys_for = REMEMBERS_KEYS_FOR
    lists_events_for = LISTS_EVENTS_FOR
    webhook_headers = ("stripe-signature",)

    def __init__(
        self,
        *,
        name: str,
        api_key: str,
        webhook_secret: str,
        return_url: str,
        url: str | None = None,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self.name = name
        self._events = StripeEvents(name, is_live=is_live(api_key))
        self._return_url = return_url
        self._webhook_secret = webhook_secret
        self._stripe = StripeClient(api_key, url=url, answer_seconds_max=answer_seconds_max)
        self._api = self._stripe.api

    async def create(self, purchase: Purchase) -> Payment:
        asked_at = datetime.now(UTC)
        try:
            session, is_repeated = await self._create(purchase)
        except KeySpent:
            # An error is kept under the key for a day; whether a session was made is not said.
            if (made := await self._find_by_time(purchase)) is not None:
                return made
            raise
        if is_repeated and (now := await self.read(session.id)) is not None:
            # A repeated answer says what the session was when it was created.
            return now
        return stamped(_payment_of(session), asked_at)

    async def read(self, payment: str) -> Payment | None:
        asked_at = datetime.now(UTC)
        try:
            session = await self._session_of(payment)
        except NoSuchObject:
            return None
        if session is None:
            return None
        return stamped(await self._with_all_of(session), asked_at)

    async def find(self, purchase: Purchase) -> Payment | None:
        """
        Ask again under the same key, which says for certain what became of the first request.

        It makes no new session once the purchase is over: its time would be too short for Stripe.
        """
        if datetime.now(UTC) < purchase.created_at + REMEMBERS_KEYS_FOR:
            try:
                session, _ = await self._create(purchase)
            except ProviderRejected:
                return None
            except KeySpent:
                pass
            else:
                return await self.read(session.id)
        return await self._find_by_time(purchase)

    async def cancel(self, payment: Payment) -> Payment:
        try:
            await self._stripe.request(self._api.checkout.sessions.expire_async(payment.id))
        except ProviderRejected as rejected:
            # It is over already, or paid, or a payment is under way: then it says so itself.
            log.info("stripe.not_expired", payment=payment.id, reason=rejected.reason)
        now = await self.read(payment.id)
        if now is None:
            raise ProviderUnavailable(f"Stripe knows {payment.id} no longer")
        return now

    async def refund(self, payment: str, refund: UUID, *, amount_minor: int) -> AcceptedRefund:
        session = await self._session_of(payment)
        if session is None or session.payment_intent is None:
            raise ProviderRejected("not-paid")
        intent = session.payment_intent
        params: stripe.params.RefundCreateParams = {
            "payment_intent": intent.id,
            "amount": _to_stripe(amount_minor, intent.currency.upper()),
            "metadata": {"refund": str(refund), "purchase": session.client_reference_id or ""},
        }
        made = read_stripe(
            RefundReference,
            await self._stripe.request(
                self._api.refunds.create_async(params, {"idempotency_key": str(refund)})
            ),
        )
        return AcceptedRefund(made.id, made.known_status)

    async def parse_webhook(
        self, headers: Mapping[str, str], body: bytes
    ) -> tuple[WebhookEvent, ...]:
        if not is_signed(self._webhook_secret, body, headers.get("stripe-signature")):
            raise BadSignature
        return await self.read_webhook(headers, body)

    async def read_webhook(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - all of it is in the body
        body: bytes,
    ) -> tuple[WebhookEvent, ...]:
        return (self._events.read(body),)

    async def missed(self, since: datetime, until: datetime) -> AsyncIterator[WebhookEvent]:
        params: stripe.params.EventListParams = {
            "delivery_success": False,
            "created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())},
            "types": list(EVENTS),
            "limit": PAGE,
        }
        for page in count():
            _require_end(page, EVENT_PAGES_MAX)
            listed = read_stripe(
                Listed[Event],
                await self._stripe.look(self._api.events.list_async(params)),
                "events",
            )
            for event in listed.data:
                yield self._events.webhook_event(event)
            if not listed.has_more:
                return
            params["starting_after"] = listed.data[-1].id

    async def close(self) -> None:
        await self._stripe.close()

    async def _create(self, purchase: Purchase) -> tuple[Session, bool]:
        """Create a session, or return the one that was created, and whether it was."""
        about = {"purchase": str(purchase.id)}
        back = return_address(self._return_url, purchase.id)
        params: stripe.params.checkout.SessionCreateParams = {
            "mode": "payment",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": purchase.currency.lower(),
                        "unit_amount": _to_stripe(purchase.amount_minor, purchase.currency),
                        "product_data": {"name": f"{purchase.all_coins} coins"},
                    },
                }
            ],
            "client_reference_id": str(purchase.id),
            "metadata": about,
            "payment_intent_data": {"metadata": about},
            "success_url": back,
            "cancel_url": back,
            "locale": "auto",
            "expires_at": int((purchase.created_at + SESSION_LIVES_FOR).timestamp()),
            # The viewer pays our price in our currency, even if the dashboard has this on.
            "adaptive_pricing": {"enabled": False},
        }
        answer = await self._stripe.request(
            self._api.checkout.sessions.create_async(params, {"idempotency_key": str(purchase.id)})
        )
        return read_stripe(Session, answer), is_replayed(answer)

    async def _session_of(self, name: str) -> Session | None:
        """Return the session that a payment's id or another of its names belongs to."""
        if name.startswith("cs_"):
            sessions = self._api.checkout.sessions
            found = await self._stripe.look(sessions.retrieve_async(name, {"expand": [_CHARGE]}))
            return read_stripe(Session, found)
        intent: str | None = name
        if name.startswith(("ch_", "py_")):
            charge = await self._stripe.look(self._api.charges.retrieve_async(name))
            # A charge without a payment intent is none of Checkout.
            intent = charge.payment_intent if isinstance(charge.payment_intent, str) else None
        if intent is None or not intent.startswith("pi_"):
            return None
        listed = await self._stripe.look(
            self._api.checkout.sessions.list_async(
                {"payment_intent": intent, "expand": [f"data.{_CHARGE}"]}
            )
        )
        found_sessions = read_stripe(Listed[Session], listed, "sessions").data
        return found_sessions[0] if found_sessions else None

    async def _with_all_of(self, session: Session) -> Payment:
        """Add refunds, disputes and warnings, once there is money that they could be about."""
        intent = session.payment_intent
        if intent is None or not session.is_paid:
            return _payment_of(session)
        of, api, look = intent.id, self._api, self._stripe.look
        transactions = ["data.balance_transaction", "data.failure_balance_transaction"]
        refunds, disputes, warnings = await asyncio.gather(
            look(
                api.refunds.list_async(
                    {"payment_intent": of, "limit": PAGE, "expand": transactions}
                )
            ),
            look(api.disputes.list_async({"payment_intent": of, "limit": PAGE})),
            look(api.radar.early_fraud_warnings.list_async({"payment_intent": of, "limit": PAGE})),
        )
        return _payment_of(
            session,
            _whole(read_stripe(Listed[Refund], refunds, "refunds")),
            _whole(read_stripe(Listed[StripeDispute], disputes, "disputes")),
            _whole(read_stripe(Listed[FraudWarning], warnings, "warnings")),
        )

    async def _find_by_time(self, purchase: Purchase) -> Payment | None:
        """Look at all sessions of the time in which ours may have been created."""
        params: stripe.params.checkout.SessionListParams = {
            "created": {
                "gte": int((purchase.created_at - CLOCKS_DIFFER_BY).timestamp()),
                "lte": int((purchase.created_at + SESSION_LIVES_FOR).timestamp()),
            },
            "limit": PAGE,
        }
        ours: list[str] = []
        for page in count():
            _require_end(page, PAGES_MAX)
            listed = read_stripe(
                Listed[SessionReference],
                await self._stripe.look(self._api.checkout.sessions.list_async(params)),
                "sessions",
            )
            reference = str(purchase.id)
            ours += [each.id for each in listed.data if each.client_reference_id == reference]
            if not listed.has_more:
                break
            params["starting_after"] = listed.data[-1].id
        found = [await self.read(session) for session in ours]
        payments = [each for each in found if each is not None]
        # A key is one session as long as it is known: there are several only after a day.
        return max(payments, key=lambda each: each.paid_at is not None, default=None)


def build(installation: Installation) -> StripeProvider:
    """Build it from its section of the file; a key of the wrong mode stops the service."""
    api_key, return_url = installation.secret("api_key"), installation.return_url
    mode = "real money: it needs a key of live mode" if installation.is_live else "practice money"
    assert is_live(api_key) is installation.is_live, (
        f"{installation.name} is for {mode}, and its key is of the other mode"
    )
    assert return_url, f"{installation.name} needs an address to send viewers back to"
    return StripeProvider(
        name=installation.name,
        api_key=api_key,
        webhook_secret=installation.secret("webhook_secret"),
        return_url=return_url,
        url=installation.url_of_fake(),
    )


def _payment_of(
    session: Session,
    refunds: tuple[Refund, ...] = (),
    disputes: tuple[StripeDispute, ...] = (),
    warnings: tuple[FraudWarning, ...] = (),
) -> Payment:
    try:
        return payment_of(session, refunds, disputes, warnings)
    except (AmountNotPossible, AssertionError) as error:
        raise ProviderUnavailable(f"{session.id} is unreadable: {error}") from error


def _to_stripe(amount_minor: int, currency: str) -> int:
    try:
        return to_stripe(amount_minor, currency)
    except AmountNotPossible as error:
        raise ProviderRejected("amount-not-possible") from error


def _whole(listed: Listed[Result]) -> tuple[Result, ...]:
    """Return a list that is expected to be short; a part of it would say something else."""
    if listed.has_more:
        raise ProviderUnavailable(f"a payment has more than {PAGE} of one kind")
    return listed.data


def _require_end(page: int, pages_max: int) -> None:
    if page >= pages_max:
        raise ProviderUnavailable(f"a list of Stripe's has more than {pages_max} pages")
