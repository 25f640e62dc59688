"""What fields of the OpenAPI document lack: each has to say what it means, and by example."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from deploy.gateway.examples import NoExample, bodies, example_of, operations

Document = dict[str, Any]
_NAME = "urn:api"


def lacking(document: Document) -> Iterator[str]:
    """Yield a line for each field, parameter or body that lacks something."""
    judge = _Judge(document)
    for name, schema in document["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            yield from judge.of_field(f"{name}.{field}", part)
    for name, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            place = f"{name}: {parameter['in']} {parameter['name']}"
            yield from judge.of_field(place, {**parameter, "examples": [parameter.get("example")]})
        for body in bodies(operation):
            yield from judge.of_body(name, body)


class _Judge:
    """Knows the whole document, which its schemas refer to."""

    def __init__(self, document: Document) -> None:
        self._document = document
        resource = DRAFT202012.create_resource(document)
        self._registry: Any = Registry().with_resource(_NAME, resource)

    def of_field(self, place: str, field: Document) -> Iterator[str]:
        """Judge a field or a parameter: what it means, and each of its examples."""
        if not field.get("description"):
            yield f"{place} has no description"
        schema = field.get("schema", field)
        try:
            examples = field.get("examples") or [example_of(self._document, schema)]
        except NoExample:
            examples = [None]
        for example in examples:
            yield from self._fits(place, schema, example)

    def of_body(self, place: str, body: Document) -> Iterator[str]:
        """Judge the example of a whole body."""
        yield from self._fits(place, body["schema"], body.get("example"))

    def _fits(self, place: str, schema: Document, example: object) -> Iterator[str]:
        validator = Draft202012Validator(
            _absolute(schema), registry=self._registry, format_checker=FormatChecker()
        )
        if wrong := best_match(validator.iter_errors(example)):
            yield f"{place}: the example does not fit: {wrong.message[:200]}"


def _absolute(schema: Any) -> Any:
    """Return a schema whose references name the document, which it is judged outside of."""
    if isinstance(schema, dict):
        return {
            name: f"{_NAME}{value}" if name == "$ref" else _absolute(value)
            for name, value in schema.items()
            # The values that a field has are not schemas.
            if name not in ("examples", "example")
        }
    return [*map(_absolute, schema)] if isinstance(schema, list) else schema
