"""Animations of Lottie (lottie.github.io/lottie-spec): what a file may have in it."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NoReturn

from services.gift.domain.counted import copies_of, weight_of
from services.gift.domain.embedded import EmbeddedPictures
from services.gift.domain.files import (
    FileDamaged,
    FileFacts,
    FileTooLarge,
    FileUnknown,
    FileUnsafe,
    drawn,
    shown,
)

DEPTH_MAX = 48
VALUES_MAX = 400_000
LAYERS_MAX = 500
# With layers and repeated shapes counted as often as they are drawn.
SHAPES_MAX = 5_000
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
        return json.loads(
            content.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            object_pairs_hook=_once_each,
        )
    except RecursionError:
        raise FileTooLarge(what="depth", found=DEPTH_MAX + 1, max=DEPTH_MAX) from None
    except ValueError:
        raise FileDamaged(what="json") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that stands twice in an object: of two, some players take the first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise FileDamaged(what="name")
    return found


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
    compositions = {"": document["layers"], **_compositions(document)}
    fonts = document.get("fonts") or {}
    for font in _parts(fonts.get("list", []) if isinstance(fonts, dict) else fonts):
        raise FileUnsafe(what="font", name=shown(font.get("fName", "")))
    for name, found in compositions.items():
        own[name] = 0
        for layer in _parts(found):
            layers += 1
            kind = layer.get("ty")
            if not isinstance(kind, int | float) or kind not in _LAYERS:
                raise FileUnsafe(what="layer", name=shown(kind))
            if kind == _COMPOSITION:
                shows[name].append(f"#{layer.get('refId')}")
            own[name] += 1 + _shapes(layer.get("shapes", []))
    if layers > LAYERS_MAX:
        raise FileTooLarge(what="layers", found=layers, max=LAYERS_MAX)
    drawn(own, shows, "", most=SHAPES_MAX)


def _compositions(document: Part) -> dict[str, Any]:
    """Return the layers of each composition, and look at each picture."""
    compositions: dict[str, Any] = {}
    pictures = EmbeddedPictures()
    for asset in _parts(document.get("assets", [])):
        if "layers" in asset:
            # Of two with one id, players take the first.
            if (name := f"#{asset.get('id')}") in compositions:
                raise FileDamaged(what="asset")
            compositions[name] = asset["layers"]
        # A composition with an address is a picture to a layer that shows it as one.
        if "layers" not in asset or _address_of(asset):
            _check_asset(asset)
            pictures.add(_address_of(asset))
    return compositions


def _parts(found: Any) -> list[Part]:
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise FileDamaged(what="parts")
    return found


def _address_of(asset: Part) -> str:
    return f"{asset.get('u') or ''}{asset.get('p') or ''}"


def _check_asset(asset: Part) -> None:
    """Pictures are in the file itself: nothing is fetched while a gift is played."""
    address = _address_of(asset)
    if not address or not _EMBEDDED.fullmatch(address) or asset.get("e") != 1:
        raise FileUnsafe(what="address", name=shown(address))


def _shapes(found: Any) -> int:
    """Count the shapes of a list, as often as the repeaters in it draw them."""
    shapes = _parts(found)
    copies = 1
    for shape in shapes:
        copies *= copies_of(shape)
        if copies > SHAPES_MAX:
            raise FileTooLarge(what="shapes", found=copies, max=SHAPES_MAX)
    return copies * sum(weight_of(shape) + _shapes(shape.get("it", [])) for shape in shapes)
