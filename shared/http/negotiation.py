"""Whether a caller is a browser that shows a page, or a program that reads JSON."""

from starlette.datastructures import Headers
from starlette.types import Scope

PAGE = "text/html"


def prefers_page(scope: Scope) -> bool:
    """Whether the caller asks for a page: browsers name it, programs name JSON or nothing."""
    accepted = Headers(scope=scope).get("accept", "")
    kinds = [part.partition(";")[0].strip().lower() for part in accepted.split(",")]
    return PAGE in kinds
