"""Numbers in an animation that say how often a player draws something: few bytes, and no end."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from services.gift.domain.files import FileDamaged, FileTooLarge, FileUnsafe, shown

COPIES_MAX = 100
POINTS_MAX = 1_000
STOPS_MAX = 100
# So many points of a star are as much work as one shape.
_POINTS_A_SHAPE = 8
# Where a shape says how often it repeats those beside it: copies, and teeth of a line.
_REPEATERS = {"rp": "c", "zz": "r"}
_GRADIENTS = ("gf", "gs")
Part = Mapping[str, Any]


def copies_of(shape: Part) -> int:
    """Return how often a shape has those beside it drawn."""
    name = _REPEATERS.get(str(shape.get("ty")))
    return _most(shape.get(name), "copies", COPIES_MAX) if name else 1


def weight_of(shape: Part) -> int:
    """Return as how many shapes one counts by itself."""
    kind = shape.get("ty")
    if kind == "sr":
        return math.ceil(_most(shape.get("pt"), "points", POINTS_MAX) / _POINTS_A_SHAPE)
    if kind in _GRADIENTS and isinstance(gradient := shape.get("g"), dict):
        return math.ceil(_most(gradient.get("p"), "stops", STOPS_MAX) / _POINTS_A_SHAPE)
    return 1


def _most(given: Any, what: str, limit: int) -> int:
    """Return the most that a number can be, which may move."""
    most = 1.0
    for value in _numbers(given, what, limit):
        most = max(most, value)
    if most > limit:
        raise FileTooLarge(what=what, found=limit + 1, max=limit)
    return math.ceil(most)


def _numbers(given: Any, what: str, limit: int) -> Iterator[float]:
    waiting = [given]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            # A slot's number stands elsewhere in the file.
            if "sid" in value:
                raise FileUnsafe(what="slot", name=shown(value["sid"]))
            _check_curves(value, what, limit)
            # What comes with a moving number: its times and curves.
            waiting += [each for key, each in value.items() if key in ("k", "s", "e")]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, int | float):
            yield value
        elif value is not None:
            # A text counts as a number in JavaScript.
            raise FileDamaged(what=what)


def _check_curves(key: Part, what: str, limit: int) -> None:
    """Refuse a curve that leaves the way between two numbers: it may go anywhere."""
    for name in ("i", "o"):
        curve = key.get(name)
        heights = curve.get("y") if isinstance(curve, dict) else None
        for height in heights if isinstance(heights, list) else [heights]:
            if isinstance(height, int | float) and 0 <= height <= 1:
                continue
            if height is not None:
                raise FileTooLarge(what=what, found=limit + 1, max=limit)
