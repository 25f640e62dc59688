"""Animations of Lottie (lottie.github.io/lottie-spec): what a file may have in it."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NoReturn

from services.gift.domain.files import (
    FileDamaged,
    FileFacts,
    FileTooLarge,
    FileUnknown,
    FileUnsafe,
    drawn,
)

DEPTH_MAX = 48
VALUES_MAX = 400_000
LAYERS_MAX = 500
# With layers and repeated shapes counted as often as they are drawn.
SHAPES_MAX = 5_000
COPIES_MAX = 100
FRAMES_PER_SECOND_MAX = 120
# Compositions, colours, pictures, nothing, shapes. Texts fetch fonts, and the rest is no picture.
_LAYERS = frozenset((0, 1, 2, 3, 4))
_COMPOSITION = 0
_NUMBER_MAX = 1e9
_EMBEDDED = re.compile(r"data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/=]*")
Part = Mapping[str, Any]


def read_lottie(content: bytes) -> FileFacts:
    """Return how large and long an animation is, or refuse it with what is wrong."""
    document = _parse(content)
    if not isinstance(document, dict) or not isinstance(document.get("layers"), list):
        raise FileUnknown(what="json")
    _look_at_all(document)
    first, last = _number(document, "ip"), _number(document, "op")
    rate = _number(document, "fr")
    if last <= first or not 0 < rate <= FRAMES_PER_SECOND_MAX:
        raise FileDamaged(what="frames")
    _count_shapes(document)
    return FileFacts(
        "lottie",
        True,
        round(_number(document, "w")),
        round(_number(document, "h")),
        max(1, round(1_000 * (last - first) / rate)),
    )


def _parse(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError:
        raise FileTooLarge(what="depth", found=DEPTH_MAX + 1, max=DEPTH_MAX) from None
    except ValueError:
        raise FileDamaged(what="json") from None


def _refuse_constant(_: str) -> NoReturn:
    raise FileDamaged(what="number")


def _number(part: Part, name: str) -> float:
    value = part.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise FileDamaged(what=name)
    # What is no number is not below anything either.
    if not abs(value) <= _NUMBER_MAX:
        raise FileDamaged(what=name)
    return float(value)


def _look_at_all(document: Part) -> None:
    """Look at each value once, without recursion: depth, number, and what is never allowed."""
    waiting: list[tuple[Any, int]] = [(document, 1)]
    values = 0
    while waiting:
        value, depth = waiting.pop()
        values += 1
        if depth > DEPTH_MAX:
            raise FileTooLarge(what="depth", found=depth, max=DEPTH_MAX)
        if values > VALUES_MAX:
            raise FileTooLarge(what="values", found=values, max=VALUES_MAX)
        if isinstance(value, dict):
            # An expression is JavaScript; a number or a list of this name is a coordinate.
            if isinstance(value.get("x"), str):
                raise FileUnsafe(what="expression")
            waiting += [(each, depth + 1) for each in value.values()]
        elif isinstance(value, list):
            waiting += [(each, depth + 1) for each in value if isinstance(each, dict | list)]
            values += len(value)


def _count_shapes(document: Part) -> None:
    own: dict[str, int] = {}
    shows: dict[str, list[str]] = defaultdict(list)
    layers = 0
    compositions: dict[str, Any] = {"": document["layers"]}
    for asset in _parts(document.get("assets", [])):
        if "layers" in asset:
            compositions[f"#{asset.get('id')}"] = asset["layers"]
        else:
            _check_asset(asset)
    for font in _parts((document.get("fonts") or {}).get("list", [])):
        raise FileUnsafe(what="font", name=str(font.get("fName", ""))[:80])
    for name, found in compositions.items():
        own[name] = 0
        for layer in _parts(found):
            layers += 1
            if layer.get("ty") not in _LAYERS:
                raise FileUnsafe(what="layer", name=str(layer.get("ty"))[:80])
            if layer["ty"] == _COMPOSITION:
                shows[name].append(f"#{layer.get('refId')}")
            own[name] += 1 + _shapes(layer.get("shapes", []))
    if layers > LAYERS_MAX:
        raise FileTooLarge(what="layers", found=layers, max=LAYERS_MAX)
    drawn(own, shows, "", most=SHAPES_MAX)


def _parts(found: Any) -> list[Part]:
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise FileDamaged(what="parts")
    return found


def _check_asset(asset: Part) -> None:
    """Pictures are in the file itself: nothing is fetched while a gift is played."""
    address = f"{asset.get('u') or ''}{asset.get('p') or ''}"
    if not address or not _EMBEDDED.fullmatch(address) or asset.get("e") != 1:
        raise FileUnsafe(what="address", name=address[:80])


def _shapes(found: Any) -> int:
    """Count the shapes of a list, as often as the repeaters in it draw them."""
    shapes = _parts(found)
    copies = 1
    for shape in shapes:
        if shape.get("ty") == "rp":
            copies *= _copies(shape.get("c"))
            if copies > SHAPES_MAX:
                raise FileTooLarge(what="shapes", found=copies, max=SHAPES_MAX)
    return copies * sum(1 + _shapes(shape.get("it", [])) for shape in shapes)


def _copies(given: Any) -> int:
    """Return the most copies of a repeater, whose number may move."""
    most, waiting = 1.0, [given]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            # What comes with a moving number: its times and curves.
            waiting += [each for key, each in value.items() if key in ("k", "s", "e")]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, int | float):
            most = max(most, value)
    if most > COPIES_MAX:
        raise FileTooLarge(what="copies", found=COPIES_MAX + 1, max=COPIES_MAX)
    return math.ceil(most)
