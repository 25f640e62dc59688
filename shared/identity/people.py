"""What belongs to whom: users reach their own things only, and operators only other people's."""

import re
import unicodedata

from shared.errors import Kind, Refusal

# Invisible characters, beyond what Unicode calls a format (Cf): https://www.unicode.org/reports/tr44/,
# Default_Ignorable_Code_Point.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# The person of a list that names no person; no user has this id.
SEVERAL_PEOPLE = ""


class NotYours(Refusal):
    """This belongs to another user."""

    kind = Kind.FORBIDDEN


class OwnMoney(Refusal):
    """An operator cannot decide about their own account; a colleague has to."""

    kind = Kind.FORBIDDEN


def same_person(one: str, other: str) -> bool:
    """
    Whether two ids may be of one person, however they are spelt.

    Case, compatible characters, invisible characters and spaces around make no difference.
    """
    return folded(one) == folded(other)


def require_other_person(*, operator: str, user: str) -> None:
    """Refuse operators who would decide about what is their own."""
    if same_person(operator, user):
        raise OwnMoney


def folded(user: str) -> str:
    """Return what all spellings of an id have in common."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", user).casefold())
    seen = "".join(each for each in text if not _is_invisible(each))
    # What stood between a letter and its accent kept them apart.
    return unicodedata.normalize("NFKC", seen).casefold().strip()


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or bool(_INVISIBLE.fullmatch(character))
