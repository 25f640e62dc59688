"""What a small shop is asked, and how it fails."""

from typing import Annotated, Literal
from uuid import UUID

from asyncpg.exceptions import DeadlockDetectedError
from pydantic import BaseModel, ConfigDict, Field

from shared.errors import Kind, Refusal


class Rose(BaseModel):
    kind: Literal["rose"]


class Heart(BaseModel):
    kind: Literal["heart"]


class Ask(BaseModel):
    model_config = ConfigDict(extra="forbid")

    coins: Annotated[int, Field(strict=True, gt=0)]
    note: str = ""


class Wish(BaseModel):
    gift: Annotated[Rose | Heart, Field(discriminator="kind")]
    room: UUID
    coins: float


class NoCoins(Refusal):
    """There are not enough coins."""

    kind = Kind.PAYMENT


class Closed(Refusal):
    """The shop is closed."""

    kind = Kind.UNAVAILABLE


FAILURES = {
    "leak": RuntimeError("password=hunter2"),
    "away": ConnectionRefusedError("connect to 10.0.0.7:5432 as wallet"),
    "deadlock": DeadlockDetectedError("deadlock detected"),
    "poor": NoCoins(shortfall_coins=20, status=200, odd=float("nan"), who=object()),
    "closed": Closed(),
}


def an_ask(**changes):
    return {"json": {"coins": 5}, "headers": {"Idempotency-Key": "k"}, **changes}


def problem_of(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["type"] == f"/problems/{problem['code']}"
    # What is outside of our own middleware has no id.
    assert problem["request_id"] == answer.headers.get("x-request-id", "none")
    return answer.status_code, problem["code"]
