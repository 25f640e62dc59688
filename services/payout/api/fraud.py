"""What fraud rules found behind a payout, for the operator who reviews it."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from services.payout.api.operators import Reviewer
from services.payout.commands.queries import read_findings
from services.payout.domain.fraud_rules import BASIS_POINTS, Finding, Mode, RuleName
from services.payout.domain.payouts import NoSuchPayout
from shared.contracts.base import in_unit, like
from shared.http import Db, refusals
from shared.http.auth import ScopeMissing
from shared.http.bodies import Body
from shared.http.fields import CreatorId, Diamonds, PayoutId
from shared.identity.tokens import Unauthenticated

router = APIRouter(tags=["operator-payouts"])


class FindingResponse(Body):
    """
    The sign of one rule: which share of the diamonds that were looked at shows it.

    A finding in `shadow` mode did not stop the payout. `named` are accounts, at most 20 of them.
    """

    rule: Annotated[RuleName, like("concentration")]
    """Which sign was looked for: seeds/fraud.toml explains each rule."""
    version: Annotated[int, like(1)]
    """Which version of the rule's numbers it was made by."""
    mode: Annotated[Mode, like("enforced")]
    """
    Whether the finding put the payout under review (`enforced`), or was only recorded (`shadow`).
    """
    score_bp: Annotated[int, Field(ge=0, le=BASIS_POINTS), in_unit("basis points", 7_500)]
    """Which share of the diamonds shows the sign: 7,500 are three quarters."""
    diamonds: Annotated[Diamonds, like(30_000)]
    """How many diamonds show it."""
    of_diamonds: Annotated[Diamonds, like(40_000)]
    """How many diamonds were looked at: of gifts of the last days."""
    accounts: Annotated[int, in_unit("accounts", 2)]
    """How many accounts they came from."""
    named: Annotated[list[str], like(["mira", "jonas"])]
    """At most 20 of these accounts (the `sub` of their tokens)."""
    words: Annotated[str, like("2 payers gave 75 % of the diamonds.")]
    """The finding in an English sentence."""


class FindingsResponse(Body):
    items: list[FindingResponse]
    """The findings, those that count most first; empty if no rule found anything."""


@router.get(
    "/operator/payouts/{creator:person}/{payout}/findings",
    responses=refusals(Unauthenticated, ScopeMissing, NoSuchPayout),
)
async def read_payout_findings(
    creator: CreatorId, payout: PayoutId, _: Reviewer, db: Db
) -> FindingsResponse:
    """Read what fraud rules found when a payout was requested."""
    async with db.transaction() as tx:
        found = await read_findings(tx, creator, payout)
    return FindingsResponse(items=[_response(each) for each in found])


def _response(finding: Finding) -> FindingResponse:
    return FindingResponse(
        rule=finding.rule,
        version=finding.version,
        mode=finding.mode,
        score_bp=finding.score_bp,
        diamonds=finding.diamonds,
        of_diamonds=finding.of_diamonds,
        accounts=finding.accounts,
        named=list(finding.named),
        words=finding.words,
    )
