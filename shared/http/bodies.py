"""Bodies of requests and answers, and their parts."""

import ast
import inspect
import textwrap
from collections.abc import Iterator

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Body(BaseModel):
    """
    A body, or a part of one: what stands below a field describes it in the OpenAPI document.

    It is read when the document is made. Pydantic's `use_attribute_docstrings` reads it whenever
    the class is, and made a service start a quarter more slowly.
    """

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Write the fields' docstrings into the schema that Pydantic makes of a body."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for base in reversed(cls.__mro__):
            for name, meaning in _docstrings(base):
                if name in properties:
                    properties[name]["description"] = meaning
        return schema


def _docstrings(base: type) -> Iterator[tuple[str, str]]:
    """Yield what stands below each field of a class itself, by the field's name."""
    # What is generic for something has no text of its own.
    is_written = issubclass(base, Body) and not base.__pydantic_generic_metadata__["origin"]
    if not is_written:
        return
    (written,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
    assert isinstance(written, ast.ClassDef)
    for field, below in zip(written.body, written.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
