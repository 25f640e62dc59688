"""Odd contents: what a webhook says, with parts of it replaced by what nobody foresaw."""

from copy import deepcopy
from random import Random

LONG = 20_000
DEEP = 200
ODD: tuple[object, ...] = (
    *(None, True, 0, -1, 2**63, 10**40, 1.5, 1e308, "", " ", "0", "null"),
    *("\x00", "a\x00b", "\ud800", "\udfff\ud800", "\u202e", "\ufeff", "\u00b2", "\U0001f4a9" * 40),
    *("..", "../..", "/", "%00", "%2e%2e", "?", "#", "a b", "\r\nx: y", "' OR 1=1", "{}", "${x}"),
    *("x" * 129, "x" * LONG, [], [[]], [None], {}, {"id": {}}, [{"rel": "up"}], {"object": []}),
)


def odd_variant(content: object, dice: Random) -> object:
    """Return a content with up to three of its parts replaced, removed or put elsewhere."""
    changed = [deepcopy(content)]
    for _ in range(dice.randint(1, 3)):
        places = list(_places(changed))
        if not places:
            break
        parent, key = dice.choice(places)
        match dice.randrange(8):
            case 0:
                _remove(parent, key)
            case 1:
                other, at = dice.choice(places)
                parent[key] = deepcopy(other[at])
            case 2:
                parent[key] = _nested(parent[key])
            case _:
                parent[key] = deepcopy(dice.choice(ODD))
    return changed[0] if changed else None


def _places(node):
    """Yield each place of a value: the container, and where it is in there."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _remove(parent, key):
    del parent[key]


def _nested(value):
    for _ in range(DEEP):
        value = [value]
    return value
