"""Operators look at payees whose names may be on a list of sanctions, and clear them."""

from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter

from services.payout.api.payees import PayeeCurrency, PayeeResponse, payee_response
from services.payout.api.payouts import WiredRules
from services.payout.commands import screenings as commands
from services.payout.commands.queries import read_payee
from services.payout.commands.screenings import read_review
from services.payout.domain.payees import NoMatch, NoSuchPayee
from services.payout.store import screenings
from shared.backoffice.routes import Why
from shared.contracts.base import like
from shared.http import AllParts, Db, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import CreatorId, CreatorName, CurrencyCode, Instant
from shared.identity.people import OwnMoney
from shared.identity.tokens import Identity, Unauthenticated

router = APIRouter(tags=["operator-payees"])

REVIEW_SCOPE = "payees:review"
Reviewer = Annotated[Identity, operator_with(REVIEW_SCOPE)]
SHOWN_MAX = 100


class PayeeToReview(Body):
    """A payee whose holder's name was found on a list, since when."""

    creator: CreatorName
    currency: CurrencyCode
    """The currency (ISO 4217) of the payee."""
    screened_at: Instant
    """When the name was found."""


class PayeesToReview(Body):
    """The oldest of them; there may be more."""

    items: list[PayeeToReview]
    """At most 100 payees, the oldest first."""


class Match(Body):
    """An entry of a list (`ofac:2674`) that the payee may be; a cleared one is another person."""

    entry: Annotated[str, like("ofac:2674")]
    """The list and its entry."""
    listed_name: Annotated[str, like("LEA EXAMPLE")]
    """The name that the list has."""
    list_version: Annotated[str, like("2026-11-20")]
    """Which version of the list it was found in."""
    found_at: Instant
    """When it was found."""
    cleared_at: Annotated[Instant | None, like(None, "2026-11-24T12:00:00Z")]
    """When a person said that it is somebody else; null until then."""
    cleared_by: Annotated[str | None, like(None, "ann")]
    """Who said so: the `sub` of the operator's token; null until then."""


class PayeeReviewResponse(Body):
    """A payee with the name that was given, beside the names that the lists have."""

    payee: PayeeResponse
    """The payee, as its creator sees it."""
    legal_name: Annotated[str, like("Lea Example")] | None
    """The name that was given; null if none was, or after an erasure."""
    matches: list[Match]
    """The entries of lists that it may be, cleared ones included."""


@router.get("/operator/payees", responses=refusals(Unauthenticated, ScopeMissing))
async def list_payees_under_review(_: Reviewer, db: AllParts) -> PayeesToReview:
    """Read which payees wait for an operator, the oldest first."""
    found = await db.read_first(screenings.under_review, SHOWN_MAX, key=attrgetter("screened_at"))
    return PayeesToReview(
        items=[
            PayeeToReview(
                creator=each.creator, currency=each.currency, screened_at=each.screened_at
            )
            for each in found
        ]
    )


@router.get(
    "/operator/payees/{creator:person}/{currency}",
    responses=refusals(Unauthenticated, ScopeMissing, NoSuchPayee),
)
async def read_payee_under_review(
    creator: CreatorId, currency: PayeeCurrency, _: Reviewer, db: Db, rules: WiredRules
) -> PayeeReviewResponse:
    """Read a payee with the name of its holder, and what lists of sanctions have of that name."""
    async with db.transaction() as tx:
        review = await read_review(tx, creator, currency)
        shown = payee_response(*await read_payee(tx, creator, currency), rules)
    return PayeeReviewResponse(
        payee=shown,
        legal_name=review.legal_name,
        matches=[
            Match(
                entry=each.entry,
                listed_name=each.listed_name,
                list_version=each.list_version,
                found_at=each.found_at,
                cleared_at=each.cleared_at,
                cleared_by=each.cleared_by,
            )
            for each in review.matches
        ],
    )


@router.post(
    "/operator/payees/{creator:person}/{currency}/clear",
    responses=refusals(Unauthenticated, ScopeMissing, OwnMoney, NoSuchPayee, NoMatch),
)
async def clear_payee(
    creator: CreatorId,
    currency: PayeeCurrency,
    why: Why,
    caller: Reviewer,
    db: Db,
    rules: WiredRules,
) -> PayeeResponse:
    """Say that the entries a payee matches are other people; new entries match again."""
    async with db.transaction() as tx:
        await commands.clear_payee(tx, creator, currency, operator=caller.user, reason=why.reason)
        return payee_response(*await read_payee(tx, creator, currency), rules)
