"""
The languages of the pages, and the texts of each.

`languages/` has a file a language, named by its tag: messages by their keys, each a text or, where
a number decides, the forms of its plural (https://cldr.unicode.org/index/cldr-spec/plural-rules).
"""

import json
from collections.abc import Mapping
from pathlib import Path

from fastapi import Request, Response

FOLDER = Path(__file__).parent / "languages"
DEFAULT = "en"
RIGHT_TO_LEFT = frozenset(("ar",))
# Names the language in the address of a page; it is remembered for the pages after it.
QUERY = "language"
COOKIE = "ovation_language"
YEAR_SECONDS = 365 * 24 * 3600
# Before a code of `problems.json`; English has none, for the API itself is English.
PROBLEM = "problem:"
# A header is a stranger's: more than this is not looked at.
ACCEPTED_MAX = 20

Messages = Mapping[str, str | Mapping[str, str]]


def read_languages() -> dict[str, Messages]:
    """Return the messages of each language, by its tag."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def fill_in_english(languages: Mapping[str, Messages]) -> dict[str, Messages]:
    """Return the languages, each with English where it has no message of its own."""
    english = languages[DEFAULT]
    return {tag: {**english, **messages} for tag, messages in languages.items()}


def direction_of(language: str) -> str:
    return "rtl" if language in RIGHT_TO_LEFT else "ltr"


def texts_of(messages: Messages, keys: frozenset[str] | None) -> Messages:
    """Return what pages say; of it what `keys` name, unless that is None."""
    return {
        key: text
        for key, text in messages.items()
        if not key.startswith(PROBLEM) and (keys is None or key in keys)
    }


def problems_of(messages: Messages) -> Messages:
    """Return what refusals of the API mean: pages fetch it with the first one."""
    return {key: text for key, text in messages.items() if key.startswith(PROBLEM)}


def module_of(messages: Messages) -> str:
    """Write messages as a JavaScript module."""
    return f"export default {json.dumps(messages, ensure_ascii=False, separators=(',', ':'))};\n"


def choose_language(request: Request, languages: Mapping[str, Messages]) -> str:
    """Return the language of a page: the one its address names, else remembered, else accepted."""
    wanted = (
        request.query_params.get(QUERY, ""),
        request.cookies.get(COOKIE, ""),
        *_accepted(request.headers.get("accept-language", "")),
    )
    found = (_match(tag, languages) for tag in wanted)
    return next((language for language in found if language), DEFAULT)


def remember_language(request: Request, response: Response, language: str) -> None:
    """Keep the language that an address names for the pages after it."""
    if request.query_params.get(QUERY):
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, language, YEAR_SECONDS, samesite="lax", secure=secure)


def _match(tag: str, languages: Mapping[str, Messages]) -> str | None:
    """Return the language of a tag: `pt` and `pt-PT` are read by those who write `pt-BR`."""
    wanted = tag.strip().lower()
    spoken = wanted.partition("-")[0]
    named = {language.lower(): language for language in languages}
    near = (language for name, language in named.items() if name.partition("-")[0] == spoken)
    return named.get(wanted) or next(near, None)


def _accepted(header: str) -> list[str]:
    """Return the tags of an `Accept-Language`, the dearest first (RFC 9110, 12.5.4)."""
    weighed = []
    for part in header.split(",")[:ACCEPTED_MAX]:
        tag, _, quality = part.partition(";")
        weighed.append((_weight(quality), tag))
    # Sorting keeps the order of those that weigh the same.
    return [tag for weight, tag in sorted(weighed, key=lambda each: -each[0]) if weight > 0]


def _weight(quality: str) -> float:
    name, _, value = quality.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return min(1.0, float(value))
    except ValueError:
        return 0.0
