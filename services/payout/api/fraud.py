"""What fraud rules found behind a payout, for the operator who reviews it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.payout.api.operators import Reviewer
from services.payout.commands.queries import read_findings
from services.payout.domain.fraud_rules import BASIS_POINTS, Finding, Mode, RuleName
from services.payout.domain.payouts import NoSuchPayout
from shared.http import Db, UserId, refusals
from shared.http.auth import ScopeMissing
from shared.identity.tokens import Unauthenticated

router = APIRouter(tags=["operator-payouts"])


class FindingResponse(BaseModel):
    """
    The sign of one rule: which share of the diamonds that were looked at shows it.

    A finding in `shadow` mode did not stop the payout. `named` are accounts, at most 20 of them.
    """

    rule: RuleName
    version: int
    mode: Mode
    score_bp: Annotated[int, Field(ge=0, le=BASIS_POINTS)]
    diamonds: int
    of_diamonds: int
    accounts: int
    named: list[str]
    words: str


class FindingsResponse(BaseModel):
    items: list[FindingResponse]


@router.get(
    "/operator/payouts/{creator:person}/{payout}/findings",
    responses=refusals(Unauthenticated, ScopeMissing, NoSuchPayout),
)
async def read_payout_findings(
    creator: UserId, payout: UUID, _: Reviewer, db: Db
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
