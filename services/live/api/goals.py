"""Goals: of a room, or of a creator over a time."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, AwareDatetime

from services.live.api.asking import CoinWish, Creator, Title, View, Wish
from services.live.commands import goals, pasts
from services.live.commands.goals import GoalWish
from services.live.commands.slots import SetUpBusy, Slots
from services.live.domain.goals import (
    BeginsTooLongAgo,
    EndsBeforeItBegins,
    NoSuchGoal,
    TooManyGoals,
    TooManyPastGoals,
)
from services.live.domain.rooms import CreatorsOnly, NoSuchRoom, RoomOfAnother
from shared.http import IdempotencyKey, IdempotencyKeyMissing, Moment, Name, refusals, request_id
from shared.http.access import ANY_CALLER
from shared.http.auth import Caller
from shared.identity.tokens import Unauthenticated
from shared.postgres.database import Database
from shared.quotas.rules import TooOften


def _counted(coins: int) -> int:
    """A goal that still lacks its past may have had more taken back than it has."""
    return max(0, coins)


class GoalView(View):
    """
    A goal and how far it is.

    With a room it counts what is given there from `starts_at` on; without one, what is given to
    its creator anywhere. `ends_at` is when it ends by itself, if ever. What is given anonymously
    counts; `contributors` are those who gave openly.
    """

    goal: UUID
    creator: str
    room: str | None
    title: str
    target_coins: int
    progress_coins: Annotated[int, AfterValidator(_counted)]
    contributors: int
    reached: bool
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None


class GoalChange(Wish):
    title: Title
    target_coins: CoinWish
    ends_at: Moment | None = None


class NewGoal(GoalChange):
    """A live goal names its room and begins now; an income goal begins when it says, or now."""

    room: Name | None = None
    starts_at: Moment | None = None


class Goals(View):
    goals: list[GoalView]


def add_routes(router: APIRouter, database: Database, slots: Slots) -> None:
    _add_reading(router, database)
    _add_setting(router, database, slots)


def _add_reading(router: APIRouter, database: Database) -> None:
    @router.get(
        "/rooms/{room}/goals",
        tags=["rooms"],
        responses=refusals(Unauthenticated),
        openapi_extra=ANY_CALLER,
    )
    async def list_goals_of_room(room: Name, caller: Caller) -> Goals:
        """List a room's goals; its creator sees their income goals as well."""
        async with database.transaction() as tx:
            found = await goals.of_room(tx, room, caller.user)
        return Goals(goals=[GoalView.model_validate(goal) for goal in found])

    @router.get(
        "/creators/me/goals", tags=["creators"], responses=refusals(Unauthenticated, CreatorsOnly)
    )
    async def list_own_goals(caller: Creator) -> Goals:
        """List one's own goals."""
        async with database.transaction() as tx:
            found = await goals.of_creator(tx, caller.user)
        return Goals(goals=[GoalView.model_validate(goal) for goal in found])


def _add_setting(router: APIRouter, database: Database, slots: Slots) -> None:
    @router.post(
        "/creators/me/goals",
        tags=["creators"],
        status_code=201,
        responses=refusals(
            *(Unauthenticated, IdempotencyKeyMissing, CreatorsOnly, RoomOfAnother, NoSuchRoom),
            # The goal of a key that is used again may be gone.
            *(TooManyGoals, EndsBeforeItBegins, BeginsTooLongAgo, NoSuchGoal),
            *(TooManyPastGoals, TooOften, SetUpBusy),
        ),
    )
    async def set_goal(wish: NewGoal, key: IdempotencyKey, caller: Creator) -> GoalView:
        """Set a goal, for one's own room or over a time."""
        goal = await pasts.set_up(
            database, slots, caller.user, GoalWish(**wish.model_dump()), key, story=request_id()
        )
        return GoalView.model_validate(goal)

    @router.put(
        "/creators/me/goals/{goal}",
        tags=["creators"],
        responses=refusals(
            *(Unauthenticated, CreatorsOnly, NoSuchGoal, EndsBeforeItBegins, TooOften)
        ),
    )
    async def change_goal(goal: UUID, wish: GoalChange, caller: Creator) -> GoalView:
        """Change a goal; what was given to it stays."""
        async with database.transaction() as tx:
            changed = await goals.change(
                tx, caller.user, goal, **wish.model_dump(), story=request_id()
            )
        return GoalView.model_validate(changed)

    @router.delete(
        "/creators/me/goals/{goal}",
        tags=["creators"],
        status_code=204,
        responses=refusals(Unauthenticated, CreatorsOnly, NoSuchGoal),
    )
    async def remove_goal(goal: UUID, caller: Creator) -> None:
        """Take a goal down."""
        async with database.transaction() as tx:
            await goals.remove(tx, caller.user, goal)
