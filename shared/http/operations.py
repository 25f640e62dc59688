"""
What an operation is called in the OpenAPI document, from which clients are generated.

Its id is the name of the route's function, verb and object: `send_gift`. Its summary is the same
as a sentence: "Send a gift".
"""

import re
from typing import Any

from fastapi.routing import APIRoute

# Nouns that end like a plural.
_SINGULAR = frozenset(("bonus", "status"))
_PREPOSITIONS = frozenset(("for", "from", "in", "of"))
_NAMES = {"tencent": "Tencent"}
_NO_ARTICLE = frozenset(("me",))
_PERSON = re.compile(r"\{(viewer|creator|user)\}")
_ONE_OF_MANY = "}"


def operation_id(route: APIRoute) -> str:
    """Return the name of a route's function, or the `name` of a route that services share."""
    return route.name


def describe_operation(method: str, path: str, operation: dict[str, Any]) -> None:
    """Give an operation its summary, unless its route has written one."""
    name = operation["operationId"]
    # `list_gifts_of` at an address of a viewer.
    if name.endswith("_of") and (person := _PERSON.search(path)):
        name = f"{name}_{person[1]}"
    is_only_one = method != "post" and not path.endswith(_ONE_OF_MANY)
    operation["summary"] = _sentence(name, article="the" if is_only_one else "a")


def _sentence(name: str, *, article: str) -> str:
    verb, *words = name.split("_")
    phrases: list[list[str]] = [[]]
    for word in words:
        if word in _PREPOSITIONS:
            phrases.append([word])
        else:
            phrases[-1].append(_NAMES.get(word, word))
    first, *others = phrases
    parts = [verb.capitalize(), *_noun(first, article if verb != "list" else "")]
    for preposition, *noun in others:
        parts += [preposition, *_noun(noun, "a")]
    return " ".join(parts)


def _noun(words: list[str], article: str) -> list[str]:
    """Put an article before a noun that is one thing."""
    is_plural = words and words[-1] not in _SINGULAR and re.search("[^s]s$", words[-1])
    if not words or not article or words[-1] in _NO_ARTICLE or is_plural:
        return words
    is_vowel = article == "a" and words[0][0] in "aeio"
    return ["an" if is_vowel else article, *words]
