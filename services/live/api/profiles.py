"""How people are shown to others: by a name and a picture."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.live.api.bodies import Response
from services.live.api.dependencies import Host, Notes
from services.live.commands.profiles import list_profiles, resolve_profiles
from shared.contracts.base import like
from shared.http import Db, UserId, refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.http.fields import UserName
from shared.identity.tokens import Unauthenticated

PEOPLE_MAX = 50
Ids = Annotated[
    list[UserId],
    Query(
        alias="id",
        min_length=1,
        max_length=PEOPLE_MAX,
        description="The people: repeat the parameter for each.",
    ),
]

router = APIRouter(prefix="/people", tags=["people"], responses=refusals(Unauthenticated))


class PersonResponse(Response):
    """How a person is shown."""

    user: UserName
    name: Annotated[str | None, like("Mira Sol", None)]
    """
    What they are called, as text: at most 80 characters of one line. Null for a person of whom
    nothing is known: show a stand-in, not the id.
    """
    picture: Annotated[str | None, like("https://cdn.example.com/faces/mira.webp", None)]
    """The address of a picture; null for none. It may be anywhere, and may fail to load."""


class PeopleResponse(Response):
    """People in the order in which they were asked for, each once."""

    items: list[PersonResponse]
    """One for each id that was asked for, also for those of whom nothing is known."""


@router.get("", openapi_extra=ANY_CALLER)
async def list_people(ids: Ids, _: Caller, db: Db, host: Host) -> PeopleResponse:
    """
    Read how people are shown: as the host application answers, or else as their last token says.

    Ask for all people of a page at once, and keep the answer for a while.
    """
    users = list(dict.fromkeys(ids))
    async with db.transaction() as tx:
        known, asked = await list_profiles(tx, users)
    # No connection of the database is held while the host is asked.
    found = await resolve_profiles(users, known, asked, host)
    return PeopleResponse(items=[PersonResponse.model_validate(each) for each in found])


@router.put("/me")
async def note_person(caller: Caller, db: Db, notes: Notes, host: Host) -> PersonResponse:
    """
    Note what one's token says of one's name and picture, and read how one is shown.

    Call it once after signing in; following a room and going live note it as well.
    """
    await notes.save_one(caller)
    users = [caller.user]
    async with db.transaction() as tx:
        known, asked = await list_profiles(tx, users)
    (found,) = await resolve_profiles(users, known, asked, host)
    return PersonResponse.model_validate(found)
