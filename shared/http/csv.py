"""Rows for people who count: as JSON, or as CSV for a spreadsheet."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import Query, Response
from pydantic import BaseModel

Format = Annotated[
    Literal["json", "csv"],
    Query(description="JSON, or CSV for a spreadsheet, a row a line.", examples=["json"]),
]
# For OpenAPI, beside the JSON that the route's model describes.
SHEET: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}}
}


def csv_of(rows: Sequence[BaseModel], columns: type[BaseModel]) -> Response:
    """Answer with one line a row; without rows, with the headings alone."""
    written = io.StringIO()
    names = list(columns.model_fields)
    writer = csv.DictWriter(written, fieldnames=names, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(harmless(row.model_dump(mode="json")) for row in rows)
    return Response(written.getvalue(), media_type="text/csv; charset=utf-8")


def harmless(row: dict[str, object]) -> dict[str, object]:
    """
    Keep a spreadsheet from running a formula that a user chose as a name.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return {
        name: f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value
        for name, value in row.items()
    }
