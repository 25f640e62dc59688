"""
Which people an operator's request is about, wherever it names them.

One rule for every operator route: a new one has the checks of `shared.http.auth` without asking.
"""

from fastapi import Request

OPERATOR_ROUTES = "/v1/operator/"
# What people are called in paths, queries and bodies of operator routes.
PERSON_FIELDS = frozenset(("user", "viewer", "creator", "guest", "owner"))


async def people_named(request: Request) -> list[str]:
    """Return whom a request to an operator route names, in its path, query or body."""
    if not request.scope["path"].startswith(OPERATOR_ROUTES):
        return []
    given = [*request.path_params.items(), *request.query_params.multi_items()]
    given += (await _body(request)).items()
    return [value for field, value in given if field in PERSON_FIELDS and isinstance(value, str)]


async def _body(request: Request) -> dict[str, object]:
    """Return the members of a JSON object; any other body names no person."""
    if not await request.body():
        return {}
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
