"""How people are shown: a name and a picture, made harmless before anybody sees them."""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import urlsplit

NAME_CHARACTERS_MAX = 80
PICTURE_CHARACTERS_MAX = 2_048
# Accents on one letter; more of them would run over the lines above and below.
MARKS_MAX = 3
LOCAL_HOSTS = frozenset(("localhost", "127.0.0.1", "::1"))
# Joined letters and families of emoji need these two; every other invisible format goes.
_JOINERS = "\u200c\u200d"
_JOINER = "\u200d"
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0]")
# The class of the signs that join two letters of Indian scripts.
_VIRAMA = 9
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_PARTS = range(0x1F1E6, 0x1F200)
# Printable ASCII without what ends an attribute, a text or a path somewhere.
_ADDRESS = re.compile(r"[!#-&(-;=?-\[\]_a-z~]+")


@dataclass(frozen=True, slots=True)
class Profile:
    """How one person is shown; None where nothing is known."""

    user: str
    name: str | None = None
    picture: str | None = None


def profile_of(user: str, *, name: str | None, picture: str | None) -> Profile:
    """Return how a person of this name and picture is shown."""
    return Profile(user, clean_name(name), clean_picture(picture))


def clean_name(text: str | None) -> str | None:
    """
    Return a name as one short line of what can be seen; None if nothing of it can.

    Without control characters and those that turn the direction of a line, it can neither break
    out of its place nor change what stands beside it.
    """
    if text is None:
        return None
    # What the cut leaves of a text without an end is not looked at.
    text = unicodedata.normalize("NFC", text[: 16 * NAME_CHARACTERS_MAX])
    spaced = "".join(" " if each.isspace() else each for each in text)
    kept = _few_marks("".join(each for each in spaced if _is_kept(each)))
    name = _shortened(" ".join(kept.split()))
    return name if any(_is_seen(each) for each in name) else None


def clean_picture(text: str | None) -> str | None:
    """Return the address of a picture: https, or http on this machine for practice; else None."""
    if text is None or len(text) > PICTURE_CHARACTERS_MAX or not _ADDRESS.fullmatch(text):
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname
        parts.port  # noqa: B018 - read for its error
    except ValueError:
        return None
    if not host or "@" in parts.netloc:
        return None
    is_local = parts.scheme == "http" and host in LOCAL_HOSTS
    return text if parts.scheme == "https" or is_local else None


def _is_kept(character: str) -> bool:
    if character in _JOINERS:
        return True
    # Cc, Cf, Cs, Co and Cn: controls, formats, halves of pairs, and what has no meaning.
    return unicodedata.category(character)[0] != "C" and not _BLANK.fullmatch(character)


def _is_seen(character: str) -> bool:
    return character not in _JOINERS and unicodedata.category(character)[0] not in "MZ"


def _few_marks(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for each in text:
        marks = marks + 1 if unicodedata.category(each) in ("Mn", "Me") else 0
        if marks <= MARKS_MAX:
            kept.append(each)
    return "".join(kept)


def _shortened(name: str) -> str:
    """Cut a name between two characters as people count them, not inside of one."""
    end = min(len(name), NAME_CHARACTERS_MAX)
    while 0 < end < len(name) and _belongs_to_the_one_before(name, end):
        end -= 1
    return name[:end].rstrip().rstrip(_JOINERS)


def _belongs_to_the_one_before(name: str, place: int) -> bool:
    here, before = name[place], name[place - 1]
    if here in _JOINERS or before == _JOINER or unicodedata.category(here)[0] == "M":
        return True
    if ord(here) in _SKIN_TONES or unicodedata.combining(before) == _VIRAMA:
        return True
    # Two of them are one flag, so it depends on how many stand before.
    flags = 0
    while flags < place and ord(name[place - flags - 1]) in _FLAG_PARTS:
        flags += 1
    return ord(here) in _FLAG_PARTS and flags % 2 == 1
