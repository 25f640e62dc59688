"""Goals: of a room, or of a creator over a time."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, AwareDatetime

from services.live.api.bodies import CoinAmount, Request, Response, Title
from services.live.api.dependencies import Creator, RequestCause, Slots
from services.live.api.setup_slots import SetUpBusy
from services.live.commands import goals, queries
from services.live.commands.goal_backfill import set_past_goal
from services.live.domain.goals import (
    BeginsTooLongAgo,
    EndsBeforeItBegins,
    Goal,
    NoSuchGoal,
    TooManyGoals,
    TooManyPastGoals,
)
from services.live.domain.rooms import CreatorsOnly, NoSuchRoom, RoomOfAnother
from services.live.store.goals import list_goals_of_creator
from shared.contracts.base import in_unit, like
from shared.http import AllParts, Db, IdempotencyKey, IdempotencyKeyMissing, Moment, Name, refusals
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.http.fields import Coins, CreatorName, GoalId, RoomId, RoomName
from shared.quotas.rules import TooOften

router = APIRouter(tags=["goals"])


def _at_least_zero(coins: int) -> int:
    """Reversals may exceed the coins of a goal that still lacks its past."""
    return max(0, coins)


class GoalResponse(Response):
    """
    A goal and how far it is.

    With a room it counts what is given there from `starts_at` on; without one, what is given to
    its creator anywhere. `ends_at` is when it ends by itself, if ever. What is given anonymously
    counts; `contributors` are those who gave openly.
    """

    goal: GoalId
    creator: CreatorName
    """Whose goal it is: the `sub` of their token."""
    room: RoomName | None
    """The room in which gifts count; null for a goal that counts every gift to the creator."""
    title: Annotated[str, like("A new microphone")]
    """What it is for, as written: escape it before you show it."""
    target_coins: Annotated[Coins, like(10_000)]
    """How many coins reach it."""
    progress_coins: Annotated[int, AfterValidator(_at_least_zero), in_unit("coins", 1_200)]
    """
    How many coins were given so far. It may pass the target, and falls when a gift is charged back.
    """
    contributors: Annotated[int, in_unit("viewers", 4)]
    """How many viewers gave openly; anonymous gifts count in `progress_coins` only."""
    reached: bool
    """Whether the target was reached; it stays so if coins are charged back later."""
    starts_at: Annotated[AwareDatetime, like("2026-11-23T12:00:00Z")]
    """From when on gifts count."""
    ends_at: Annotated[AwareDatetime | None, like(None, "2026-11-30T12:00:00Z")]
    """Until when gifts count, this instant excluded; null if it does not end by itself."""


class GoalsResponse(Response):
    goals: list[GoalResponse]
    """The goals, at most as many as a creator may have; empty if there are none."""

    @classmethod
    def of(cls, goals: list[Goal]) -> "GoalsResponse":
        return cls(goals=[GoalResponse.model_validate(goal) for goal in goals])


class ChangeGoalRequest(Request):
    title: Annotated[Title, like("A new microphone")]
    """What it is for, as viewers read it."""
    target_coins: Annotated[CoinAmount, in_unit("coins", 10_000)]
    """How many coins reach it."""
    ends_at: Annotated[Moment | None, like(None, "2026-11-30T12:00:00Z")] = None
    """
    Until when gifts count, this instant excluded and later than the beginning; null if it does not
    end by itself.
    """


class SetGoalRequest(ChangeGoalRequest):
    """A live goal names its room and begins now; an income goal begins when it says, or now."""

    room: Annotated[Name, like("room-1")] | None = None
    """
    The room in which gifts count, which has to be one's own. Null counts every gift to oneself.
    """
    starts_at: Annotated[Moment | None, like(None, "2026-11-23T12:00:00Z")] = None
    """From when on gifts count, for a goal without a room; null for now."""


@router.get("/rooms/{room}/goals", openapi_extra=ANY_CALLER)
async def list_goals_of_room(room: RoomId, caller: Caller, db: Db) -> GoalsResponse:
    """List a room's goals; its creator sees their income goals as well."""
    async with db.transaction() as tx:
        return GoalsResponse.of(await queries.list_goals(tx, room, caller.user))


@router.get("/creators/me/goals", responses=refusals(CreatorsOnly))
async def list_goals(caller: Creator, db: Db) -> GoalsResponse:
    """List one's own goals."""
    async with db.transaction() as tx:
        return GoalsResponse.of(await list_goals_of_creator(tx, caller.user))


@router.post(
    "/creators/me/goals",
    status_code=201,
    responses=refusals(
        *(IdempotencyKeyMissing, CreatorsOnly, RoomOfAnother, NoSuchRoom),
        # The goal of a key that is used again may be gone.
        *(TooManyGoals, EndsBeforeItBegins, BeginsTooLongAgo, NoSuchGoal),
        *(TooManyPastGoals, TooOften, SetUpBusy),
    ),
)
async def set_goal(
    body: SetGoalRequest,
    key: IdempotencyKey,
    caller: Creator,
    db: AllParts,
    slots: Slots,
    cause: RequestCause,
) -> GoalResponse:
    """Set a goal, for one's own room or over a time."""
    new = goals.NewGoal(**body.model_dump())
    async with slots.take():
        if new.begins_in_the_past():
            goal = await set_past_goal(db, caller.user, new, key, cause=cause)
        else:
            async with db.transaction() as tx:
                goal = await goals.set_goal(tx, caller.user, new, key, cause=cause)
    return GoalResponse.model_validate(goal)


@router.put(
    "/creators/me/goals/{goal}",
    responses=refusals(CreatorsOnly, NoSuchGoal, EndsBeforeItBegins, TooOften),
)
async def change_goal(
    goal: GoalId, body: ChangeGoalRequest, caller: Creator, db: Db, cause: RequestCause
) -> GoalResponse:
    """Change a goal; what was given to it stays."""
    async with db.transaction() as tx:
        changed = await goals.change_goal(tx, caller.user, goal, **body.model_dump(), cause=cause)
    return GoalResponse.model_validate(changed)


@router.delete(
    "/creators/me/goals/{goal}",
    status_code=204,
    responses=refusals(CreatorsOnly, NoSuchGoal),
)
async def remove_goal(goal: GoalId, caller: Creator, db: Db) -> None:
    """Take a goal down."""
    async with db.transaction() as tx:
        await goals.remove_goal(tx, caller.user, goal)
