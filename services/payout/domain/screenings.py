"""
Whether a name may be one of a list of sanctions. Pure: names in, matches out.

Two names may be of one person if every word of the shorter is a word of the longer, in any order:
lists say AL-ZAWAHIRI, Ayman. Accents, capitals and punctuation make no difference, and in a longer
word neither does one letter that is missing, added, replaced or moved. A match is a question to
a person and no answer.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

# Letters that Unicode takes for letters of their own, not for one with an accent.
_TRANSCRIBED = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th"}
)
_APOSTROPHES = re.compile("['’ʼʻ`]")  # noqa: RUF001 - as lists write them
_BREAKS = re.compile(r"[\W_]+")
# They are in so many names that they say nothing.
PARTICLES = frozenset(
    {
        *("al", "el", "bin", "ibn", "bint", "abu", "abd", "ben", "de", "del", "della", "der"),
        *("den", "di", "da", "dos", "du", "la", "le", "van", "von", "the", "and", "of"),
        *("mr", "mrs", "ms", "dr"),
    }
)
# In a shorter word one letter makes another name: Li and Lu, Anna and Hanna.
SPELLING_CHARACTERS_MIN = 6
# One word in common says something only if it is the whole name.
WORDS_MIN = 2


@dataclass(frozen=True, slots=True)
class ListedName:
    """A name of an entry of a list; an entry may have several."""

    # The list and its number there: ofac-sdn:2674.
    entry: str
    name: str


@dataclass(frozen=True, slots=True)
class ScreeningResult:
    """The entries whose names a name may be, and the version of the list."""

    list_version: str
    matches: tuple[ListedName, ...]


class SanctionsList:
    """The names of a list, found by their words."""

    def __init__(self, version: str, names: Iterable[ListedName]) -> None:
        self.version = version
        self._names = [(each, words_of(each.name)) for each in names]
        self._by_spelling: dict[str, set[int]] = defaultdict(set)
        for place, (_, words) in enumerate(self._names):
            for word in words:
                for spelling in _spellings(word):
                    self._by_spelling[spelling].add(place)

    def __len__(self) -> int:
        return len(self._names)

    def screen(self, name: str) -> ScreeningResult:
        """Return the entries that a name may be of, each once."""
        words = words_of(name)
        places: set[int] = set()
        for word in words:
            for spelling in _spellings(word):
                places |= self._by_spelling.get(spelling, set())
        found: dict[str, ListedName] = {}
        for place in sorted(places):
            listed, its_words = self._names[place]
            if _may_be_one_person(words, its_words):
                found.setdefault(listed.entry, listed)
        return ScreeningResult(self.version, tuple(found.values()))


def words_of(name: str) -> tuple[str, ...]:
    """Return the words that make a name, as they are compared."""
    folded = unicodedata.normalize("NFKD", name).casefold().translate(_TRANSCRIBED)
    plain = "".join(each for each in folded if not unicodedata.combining(each))
    words = _BREAKS.sub(" ", _APOSTROPHES.sub("", plain)).split()
    telling = tuple(word for word in words if word not in PARTICLES)
    return telling if len(telling) >= WORDS_MIN else tuple(words)


def _may_be_one_person(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if not shorter or (len(shorter) < WORDS_MIN and len(longer) > len(shorter)):
        return False
    left = list(longer)
    for word in shorter:
        like = next((each for each in left if _are_alike(word, each)), None)
        if like is None:
            return False
        left.remove(like)
    return True


def _are_alike(one: str, other: str) -> bool:
    return one == other or not _spellings(one).isdisjoint(_spellings(other))


def _spellings(word: str) -> frozenset[str]:
    """
    Return a word and, of a longer one, what is left of it without any one letter.

    Two words that have one of these in common differ by a letter that is missing, added, replaced
    or moved.
    """
    if len(word) < SPELLING_CHARACTERS_MIN:
        return frozenset((word,))
    return frozenset((word, *(word[:at] + word[at + 1 :] for at in range(len(word)))))
