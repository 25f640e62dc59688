"""
Nobody acts on themselves: who decides about money or a room is another person than whose it is.

One rule for every operator route. `people_named` finds whom a request names, wherever it names
them, so a new route has the rule without asking for it.
"""

import re
import unicodedata

from fastapi import Request

from shared.errors import Kind, Refusal

OPERATOR_ROUTES = "/v1/operator/"
# What people are called in paths, queries and bodies of operator routes.
PERSON_FIELDS = frozenset(("user", "viewer", "creator", "guest", "owner"))
# What nobody sees, beyond what Unicode calls a format (Cf): https://www.unicode.org/reports/tr44/,
# Default_Ignorable_Code_Point.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


class OwnMoney(Refusal):
    """An operator cannot decide about their own account; a colleague has to."""

    kind = Kind.FORBIDDEN


def same_person(one: str, other: str) -> bool:
    """
    Whether two ids may be of one person, however they are spelt.

    Case, compatible characters, invisible characters and spaces around make no difference.
    """
    return _folded(one) == _folded(other)


def require_other_person(*, operator: str, user: str) -> None:
    """Refuse operators who would decide about what is their own."""
    if same_person(operator, user):
        raise OwnMoney


async def people_named(request: Request) -> list[str]:
    """Return whom a request to an operator route names, in its path, query or body."""
    if not request.scope["path"].startswith(OPERATOR_ROUTES):
        return []
    given = [*request.path_params.items(), *request.query_params.multi_items()]
    given += (await _body(request)).items()
    return [value for field, value in given if field in PERSON_FIELDS and isinstance(value, str)]


async def _body(request: Request) -> dict[str, object]:
    """Return the members of a JSON object; whatever else a body is names nobody."""
    if not await request.body():
        return {}
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _folded(user: str) -> str:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", user).casefold())
    seen = "".join(each for each in text if not _is_invisible(each))
    # What stood between a letter and its accent kept them apart.
    return unicodedata.normalize("NFKC", seen).casefold().strip()


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or bool(_INVISIBLE.fullmatch(character))
