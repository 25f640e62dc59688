"""Operators see which teams get events by webhook, and whose endpoints fail."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict

from services.webhooks.api.dependencies import READ_SCOPE
from services.webhooks.store import teams as store
from shared.contracts.base import in_unit
from shared.http import BadCursor, Limit, Page, Reference, exact_page, refusals
from shared.http.auth import ScopeMissing, operator_with
from shared.http.bodies import Body
from shared.http.fields import TeamName
from shared.http.pages import Cursor, text_in
from shared.identity.tokens import Identity, Unauthenticated

TeamsReader = Annotated[Identity, operator_with(READ_SCOPE)]


class TeamLine(Body):
    """A team that was granted events or has endpoints, and how those stand."""

    model_config = ConfigDict(from_attributes=True)

    team: TeamName
    events: Annotated[int, in_unit("events", 2)]
    """How many kinds of events an operator has granted; 0 if all grants were taken back."""
    endpoints: Annotated[int, in_unit("endpoints", 3)]
    """How many endpoints the team has, disabled ones too."""
    failing: Annotated[int, in_unit("endpoints", 1)]
    """At how many of the enabled ones the last attempt failed."""
    disabled: Annotated[int, in_unit("endpoints", 0)]
    """How many get nothing: the team or an operator asked for it, or they answered 410."""


router = APIRouter(tags=["webhooks"])


@router.get(
    "/operator/webhooks/teams", responses=refusals(Unauthenticated, ScopeMissing, BadCursor)
)
async def list_teams(
    _: TeamsReader, db: Reference, cursor: Cursor = None, limit: Limit = 50
) -> Page[TeamLine]:
    """List the teams that get events by webhook, by their names."""
    after = text_in(cursor)
    async with db.transaction() as tx:
        found = await store.list_after(tx, after, limit + 1)
    return exact_page(found, limit, lambda each: [each.team], TeamLine.model_validate)
