"""
What may change in the API within version 1: something may be added, and nothing else.

The document of the last release (`released.json`) is compared with the present one. What clients
send must be accepted as before, and what they read must be there as before. Pure: compares two
OpenAPI documents; `deploy.gateway.schema_compatibility` compares their schemas.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

from deploy.gateway.schema_compatibility import Comparison, Direction

Document: TypeAlias = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "patch")
# Words, and what follows from the rest.
WORDS = frozenset(
    (
        "description",
        "summary",
        "title",
        "example",
        "examples",
        "links",
        "tags",
        "x-access",
        "x-scope",
    )
)
# What has names of ours as keys.
NAMED = frozenset(("properties", "schemas", "responses", "headers", "content"))
KEEP = "Keep it, and add the new one beside it."


def promises(document: Document) -> Document:
    """Return what clients rely on: a document without its words, and without what follows."""
    return {
        "paths": _without_words(document["paths"], names=True),
        "components": {"schemas": _without_words(document["components"]["schemas"], names=True)},
    }


def _without_words(part: Any, *, names: bool = False) -> Any:
    """Leave words out; where keys are names, a field may be called `description`."""
    if isinstance(part, list):
        return [_without_words(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _without_words(value, names=key in NAMED and not names)
        for key, value in part.items()
        if names or key not in WORDS
    }


def breaks(old: Document, new: Document) -> list[str]:
    """Return what would break clients, as sentences that say where and what to do."""
    found = []
    for path, operations in old["paths"].items():
        for method, before in operations.items():
            if method not in METHODS:
                continue
            name = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                found.append(f"{name} is gone. Clients call it. {KEEP}")
                continue
            found += [f"{name}: {text}" for text in _Operations(old, new).breaks(before, now)]
    return list(dict.fromkeys(found))


class _Operations:
    """Compares operations of two documents."""

    def __init__(self, old: Document, new: Document) -> None:
        self._sent = Comparison(small=old, big=new, direction=Direction.SENT)
        self._read = Comparison(small=new, big=old, direction=Direction.READ)

    def breaks(self, old: Document, new: Document) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield (
                f"its operationId was `{old['operationId']}` and is `{new['operationId']}`."
                " Generated clients call it by that name. Keep it: name the route so."
            )
        yield from _security(old, new)
        yield from self._parameters(old, new)
        yield from self._bodies(old, new)
        yield from self._answers(old, new)

    def _parameters(self, old: Document, new: Document) -> Iterator[str]:
        known = {(each["in"], each["name"]): each for each in old.get("parameters", ())}
        present = {(each["in"], each["name"]): each for each in new.get("parameters", ())}
        for key, before in known.items():
            where = f"the {key[0]} parameter `{key[1]}`"
            now = present.get(key)
            if now is None:
                yield f"{where} is gone. Clients send it. {KEEP}"
                continue
            if now.get("required") and not before.get("required"):
                yield f"{where} was optional and is required. Keep its default."
            yield from self._sent.differences(before["schema"], now["schema"], where)
        for key in present.keys() - known.keys():
            if present[key].get("required"):
                yield (
                    f"the {key[0]} parameter `{key[1]}` is new and required. Clients do not send"
                    " it. Give it a default."
                )

    def _bodies(self, old: Document, new: Document) -> Iterator[str]:
        before, now = old.get("requestBody"), new.get("requestBody")
        if now is not None and now.get("required") and not (before or {}).get("required"):
            yield "its body was not needed and is required. Make it optional."
        if before is None:
            return
        if now is None:
            yield f"it takes no body any more. Clients send one. {KEEP}"
            return
        yield from self._contents(self._sent, before, now, "the body")

    def _answers(self, old: Document, new: Document) -> Iterator[str]:
        for status, before in old["responses"].items():
            if not status.startswith("2"):
                # Clients know refusals by their codes, and every refusal has the same form.
                continue
            now = new["responses"].get(status)
            if now is None:
                yield f"it answers {status} no more. Clients wait for it. {KEEP}"
                continue
            for header in before.get("headers", {}).keys() - now.get("headers", {}).keys():
                yield f"the answer {status} has no header `{header}` any more. {KEEP}"
            yield from self._contents(self._read, before, now, f"the answer {status}")
        for status in new["responses"].keys() - old["responses"].keys():
            if status.startswith("2"):
                yield f"it also answers {status}, which clients do not know. Add another operation."

    def _contents(
        self, comparison: Comparison, old: Document, new: Document, where: str
    ) -> Iterator[str]:
        for kind, before in old.get("content", {}).items():
            now = new.get("content", {}).get(kind)
            if now is None:
                yield f"{where} is no longer {kind}. {KEEP}"
                continue
            one, other = before.get("schema", {}), now.get("schema", {})
            if comparison is self._read:
                one, other = other, one
            yield from comparison.differences(one, other, where)


def _security(old: Document, new: Document) -> Iterator[str]:
    """Each way to be allowed must still be one: the same, or one that asks for less."""
    ways = new.get("security", [])
    for before in old.get("security", []) or [{}]:
        is_kept = not ways or any(
            now.keys() <= before.keys() and all(set(now[name]) <= set(before[name]) for name in now)
            for now in ways
        )
        if not is_kept:
            said = " and ".join(f"{name} {', '.join(has)}".strip() for name, has in before.items())
            yield (
                f"{said or 'no token'} is not enough any more. Callers who were allowed"
                " are refused. Keep what was enough."
            )
