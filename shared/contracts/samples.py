"""
Events that never happened, for tests: one as the documents show it, or many that differ.

    sample(GiftSent, viewer="mira", coins=5)    # an event; everything else from its examples
    envelope(sample(GiftSent))                  # as it travels
    samples(seed=7, count=100)                  # the same hundred each time
"""

import types
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import Enum
from random import Random
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin
from uuid import UUID

from pydantic.fields import FieldInfo

from .agreement import NOON, agreeing
from .base import UNIT, Event, Part
from .envelope import Cause, encode
from .routes import EVENTS

EventT = TypeVar("EventT", bound=Event)

STORY = Cause("4f1c2a3e0b0d4c57")
# How far varied numbers go: amounts, and what is only counted.
AMOUNTS = ("coins", "diamonds", "minor units")
AMOUNT_MAX, COUNT_MAX = 20_000, 50
_DAY_SECONDS = 86_400


def sample(contract: type[EventT], **given: object) -> EventT:
    """Return the event as its examples have it, but for what is given."""
    return contract.model_validate(agreeing(_Examples().values(contract), given))


def samples(
    seed: int = 0, count: int = 1, *, contracts: Sequence[type[Event]] = EVENTS
) -> Iterator[Event]:
    """Yield events that differ, all of them valid; the same seed yields the same."""
    choose = Random(seed)  # noqa: S311 - made up, not secret
    varied = _Varied(choose)
    for _ in range(count):
        contract = choose.choice(contracts)
        yield contract.model_validate(agreeing(varied.values(contract), {}))


def envelope(
    event: Event, *, sequence: int = 1, occurred_at: datetime = NOON, cause: Cause = STORY
) -> bytes:
    """Return an event as it travels: CloudEvents JSON, the same bytes each time."""
    return encode(event, sequence=sequence, occurred_at=occurred_at, cause=cause)


class _Examples:
    """Values as the contracts' examples have them: the first of each."""

    def values(self, part: type[Part]) -> dict[str, Any]:
        return {name: self.value(field) for name, field in part.model_fields.items()}

    def value(self, field: FieldInfo) -> Any:
        return self._of(field.annotation, field.examples or [], field)

    def _of(self, kind: Any, examples: Sequence[Any], field: FieldInfo) -> Any:
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            inner = FieldInfo.from_annotation(kind)
            return self._of(inner.annotation, inner.examples or examples, inner)
        if origin in (Union, types.UnionType):
            return self._optional(arguments[0], examples, field)
        if origin is tuple:
            return self._several(arguments[0])
        if isinstance(kind, type) and issubclass(kind, Part):
            return self.values(kind)
        return self._one(kind, examples, field)

    def _optional(self, kind: Any, examples: Sequence[Any], field: FieldInfo) -> Any:
        return self._of(kind, examples, field)

    def _several(self, kind: Any) -> list[Any]:
        return [self._of(kind, (), FieldInfo())]

    def _one(self, kind: Any, examples: Sequence[Any], _field: FieldInfo) -> Any:
        assert examples, f"{kind} has no example"
        return examples[0]


class _Varied(_Examples):
    """Values that are chosen: any example, any number within its bounds, any time."""

    def __init__(self, choose: Random) -> None:
        self._choose = choose

    def _optional(self, kind: Any, examples: Sequence[Any], field: FieldInfo) -> Any:
        return self._of(kind, examples, field) if self._choose.random() < 0.7 else None

    def _several(self, kind: Any) -> list[Any]:
        return [self._of(kind, (), FieldInfo()) for _ in range(self._choose.randint(1, 3))]

    def _one(self, kind: Any, examples: Sequence[Any], field: FieldInfo) -> Any:
        if kind is UUID:
            return UUID(int=self._choose.getrandbits(128), version=4)
        if kind is datetime:
            return NOON + timedelta(seconds=self._choose.randint(0, 30 * _DAY_SECONDS))
        if kind is bool:
            return self._choose.random() < 0.5
        if isinstance(kind, type) and issubclass(kind, Enum):
            return self._choose.choice(list(kind))
        if kind is int:
            return self._choose.randint(*_bounds(field))
        return self._choose.choice(examples)


def _bounds(field: FieldInfo) -> tuple[int, int]:
    """Return the range of a number: amounts may be large, and what is only counted is small."""
    extra = field.json_schema_extra
    unit = str(extra.get(UNIT)) if isinstance(extra, dict) else ""
    most = AMOUNT_MAX if unit.startswith(AMOUNTS) else COUNT_MAX
    least = -most
    for rule in field.metadata:
        least = max(least, getattr(rule, "ge", least), getattr(rule, "gt", least - 1) + 1)
        most = min(most, getattr(rule, "le", most))
    return least, most
