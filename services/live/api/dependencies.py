"""What routes of live are given, beside what every service's routes are."""

from typing import Annotated

from fastapi import Depends, Security

from services.live.api.hub import Hub
from services.live.api.setup_slots import SetupSlots
from services.live.commands.profiles import ProfileNotes
from services.live.domain.quotas import RoomLimits
from services.live.domain.rooms import CreatorsOnly
from services.live.providers.people_host import PeopleHost
from shared.contracts.envelope import Cause
from shared.http import from_state, request_id
from shared.http.access import CREATOR
from shared.http.auth import Caller
from shared.identity.tokens import Identity


async def _require_creator(caller: Caller) -> Identity:
    """Refuse callers whom the host application does not call creators."""
    if CREATOR not in caller.roles:
        raise CreatorsOnly
    return caller


async def _cause() -> Cause:
    return Cause(request_id())


Creator = Annotated[Identity, Security(_require_creator, scopes=[CREATOR])]
# The request, as what led to the events it publishes.
RequestCause = Annotated[Cause, Depends(_cause)]
FeedHub = Annotated[Hub, from_state("hub")]
Slots = Annotated[SetupSlots, from_state("setup_slots")]
Limits = Annotated[RoomLimits, from_state("room_limits")]
Notes = Annotated[ProfileNotes, from_state("profile_notes")]
# None: only their tokens say how people are shown.
Host = Annotated[PeopleHost | None, from_state("people_host")]
