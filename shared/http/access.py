"""
Which callers each operation is for: `x-access` and `x-scope` in the OpenAPI document.

A route declares it. One that declares nothing is for the owner of what it names, so forgetting
it refuses more and never less; a test compares every operation's answers with it.
"""

from enum import StrEnum
from typing import Any

from shared.http.auth import OPERATOR

ACCESS, SCOPE = "x-access", "x-scope"
CREATOR = "creator"


class Access(StrEnum):
    """Which callers may use an operation, and on what."""

    # No token: the provider signs the request itself.
    SIGNED = "signed"
    # No token, and nobody signs: what everybody may read.
    PUBLIC = "public"
    # Every caller with a token, on everything.
    CALLER = "caller"
    # Every caller with a token, on what is their own.
    OWN = "own"
    # The same, with the role `creator`.
    CREATOR = "creator"
    # Operators with the scope in `x-scope`, on what is not their own.
    OPERATOR = "operator"


SIGNED = {ACCESS: Access.SIGNED.value}
EVERYBODY = {ACCESS: Access.PUBLIC.value}
ANY_CALLER = {ACCESS: Access.CALLER.value}
# The feed reads its token itself, because a browser can send it in the query alone.
QUERY_TOKEN = "query_token"  # noqa: S105 - the name of a security scheme
ANY_CALLER_OF_FEED = {**ANY_CALLER, "security": [{"bearer": []}, {QUERY_TOKEN: []}]}


def or_operator_with(scope: str) -> dict[str, Any]:
    """Declare that an operator with a scope may do it too, beside the owner."""
    return {SCOPE: scope}


def describe_access(operation: dict[str, Any]) -> None:
    """Say of one operation which callers it is for, if its route does not say it itself."""
    needed = [
        name for each in operation.get("security", ()) for names in each.values() for name in names
    ]
    if OPERATOR in needed:
        operation[ACCESS] = Access.OPERATOR.value
        (operation[SCOPE],) = set(needed) - {OPERATOR}
    elif CREATOR in needed:
        operation[ACCESS] = Access.CREATOR.value
    elif operation.get("security"):
        operation.setdefault(ACCESS, Access.OWN.value)
    else:
        # OpenAPI's way to say that no token is asked for; what is said of no security is unknown.
        operation["security"] = []
