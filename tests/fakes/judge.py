"""
The judge of a fake: the vendor's own machine-readable contract, an OpenAPI 3.0 document.

A request that the vendor would not accept and an answer that it would not give are violations. The
judge is stricter than JSON Schema: a field that the contract does not name is a violation too,
because a misspelt optional field is otherwise valid everywhere.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote

from jsonschema_rs import Draft202012Validator, Registry, ValidationError, ValidationErrorKind

from tests.fakes.schemas import Json, Schema, bundle, closed

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
SHOWN_MAX = 5

Format: TypeAlias = Callable[[str], bool]


class Contradiction(AssertionError):
    """A fake was asked, or said, what its vendor's contract refuses."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that the contract refuses: where it was said, at which field, and why."""

    where: str
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.field or 'body'}: {self.text}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One call that the vendor knows: `name` is the method and the path, as the document has it."""

    name: str
    path: re.Pattern[str]
    parameters: Mapping[str, Schema]
    headers_required: frozenset[str]
    content_type: str | None
    body: Schema | None
    body_required: bool
    answers: Mapping[str, Schema | None]


class Contract:
    """An OpenAPI document; its validators are compiled when they are first used, and kept."""

    def __init__(
        self, document: Mapping[str, Any], *, formats: Mapping[str, Format] | None = None
    ) -> None:
        self._document = document
        self._formats = dict(formats or {})
        self._registry = Registry([bundle(document)])
        self._validators: dict[str, Draft202012Validator] = {}
        self._operations: dict[str, list[Operation]] = {}
        self._names: set[str] = set()
        for path, item in document["paths"].items():
            shared = item.get("parameters", [])
            for method in ("get", "post", "put", "patch", "delete"):
                if method in item:
                    self._add(method.upper(), path, shared, item[method])

    def operation(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """Find the call, and the values in its path; a path without variables goes first."""
        found = [
            (operation, match)
            for operation in self._operations.get(method, ())
            if (match := operation.path.fullmatch(path))
        ]
        if not found:
            return None
        operation, match = min(found, key=lambda each: len(each[1].groups()))
        return operation, {key: unquote(value) for key, value in match.groupdict().items()}

    def require_operation(self, name: str) -> None:
        """Refuse the name of a call that the vendor does not have: `POST /v1/refunds`."""
        if name not in self._names:
            raise ValueError(f"{name}: the contract has no such operation.")

    def judge_request(
        self,
        operation: Operation,
        *,
        query: Mapping[str, Json],
        headers: Mapping[str, str],
        body: Json,
    ) -> list[Violation]:
        """Say what the vendor would not accept in a request; values have their JSON types."""
        where = f"request {operation.name}"
        found = [
            Violation(where, name, "this header is required")
            for name in sorted(operation.headers_required - {key.lower() for key in headers})
        ]
        wanted: Schema = {
            "type": "object",
            "properties": {name: each["schema"] for name, each in operation.parameters.items()},
            "required": [name for name, each in operation.parameters.items() if each["required"]],
        }
        found += self._judge(f"{operation.name} query", wanted, dict(query), where)
        if body is None or operation.body is None:
            if body is not None and body != {}:
                found.append(Violation(where, "", "this operation takes no body"))
            elif operation.body_required:
                found.append(Violation(where, "", "this operation needs a body"))
            return found
        return found + self._judge(f"{operation.name} body", operation.body, body, where)

    def judge_answer(self, operation: Operation, status: int, body: Json) -> list[Violation]:
        """Say what the vendor would not say in an answer with this status."""
        where = f"answer {status} {operation.name}"
        for key in (str(status), f"{status // 100}XX", "default"):
            if key in operation.answers:
                schema = operation.answers[key]
                break
        else:
            return [Violation(where, "", "the contract has no answer with this status")]
        if schema is None:
            wrong = body is not None and body != {}
            return [Violation(where, "", "this answer has no body")] if wrong else []
        return self._judge(f"{operation.name} {key}", schema, body, where)

    def judge_object(self, schema: str, body: Json, *, where: str) -> list[Violation]:
        """Say what is wrong with an object of `components/schemas`: a webhook's, for example."""
        assert schema in self._document["components"]["schemas"], schema
        return self._judge(schema, {"$ref": f"#/components/schemas/{schema}"}, body, where)

    def schema(self, name: str) -> Schema:
        """Return a schema of the document as it stands there."""
        found: Schema = self._document["components"]["schemas"][name]
        return found

    def resolve(self, schema: Schema) -> Schema:
        """Follow references, of schemas and of everything else, to what they name."""
        while "$ref" in schema:
            at: Any = self._document
            for part in str(schema["$ref"]).removeprefix("#/").split("/"):
                at = at[unquote(part).replace("~1", "/").replace("~0", "~")]
            schema = at
        return schema

    def _add(
        self, method: str, path: str, shared: Sequence[Schema], described: Mapping[str, Any]
    ) -> None:
        parameters = [self.resolve(each) for each in (*shared, *described.get("parameters", []))]
        request = self.resolve(described.get("requestBody", {}))
        kind, body = _content(request)
        answers = {
            str(status): _content(self.resolve(answer))[1]
            for status, answer in described.get("responses", {}).items()
        }
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
        name = f"{method} {path}"
        operation = Operation(
            name=name,
            path=re.compile(pattern),
            parameters={
                each["name"]: {"schema": each["schema"], "required": each.get("required", False)}
                for each in parameters
                if each["in"] == "query"
            },
            headers_required=frozenset(
                each["name"].lower()
                for each in parameters
                if each["in"] == "header" and each.get("required", False)
            ),
            content_type=kind,
            body=body,
            body_required=bool(request.get("required", False)),
            answers=answers,
        )
        self._operations.setdefault(method, []).append(operation)
        self._names.add(name)

    def _judge(self, key: str, schema: Schema, body: Json, where: str) -> list[Violation]:
        validator = self._validators.get(key)
        if validator is None:
            validator = self._validators[key] = Draft202012Validator(
                closed(schema),
                registry=self._registry,
                formats=self._formats,
                validate_formats=True,
            )
        if validator.is_valid(body):
            return []
        found = [each for error in validator.iter_errors(body) for each in _explained(error)]
        return [
            Violation(where, ".".join(map(str, each.instance_path)), each.message[:300])
            for each in found[:SHOWN_MAX]
        ]


def _content(described: Mapping[str, Any]) -> tuple[str | None, Schema | None]:
    """Return the content type and the schema of a request or an answer, if it has a body."""
    content = described.get("content", {})
    for kind in (FORM, JSON, *content):
        if kind in content and content[kind].get("schema", {}).get("properties") != {}:
            return kind, content[kind].get("schema")
    return None, None


def _explained(error: ValidationError) -> Iterator[ValidationError]:
    """
    Yield what is really wrong.

    Of alternatives it is the one that came furthest: "not valid under any of the schemas" hides
    the one misspelt field of an object of four levels.
    """
    kind = error.kind
    if isinstance(kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfNotValid):
        depth = len(error.instance_path)
        branches = [branch for branch in kind.context if branch and not _other_type(branch, depth)]
        if branches:
            best = max(branches, key=_furthest)
            for each in best:
                yield from _explained(each)
            return
    yield error


def _other_type(branch: Sequence[ValidationError], depth: int) -> bool:
    """Say if an alternative is for values of another type, a string for an object."""
    return any(
        isinstance(each.kind, ValidationErrorKind.Type) and len(each.instance_path) == depth
        for each in branch
    )


def _furthest(branch: Iterable[ValidationError]) -> tuple[int, int]:
    depths = [len(each.instance_path) for each in branch]
    return min(depths), -len(depths)
