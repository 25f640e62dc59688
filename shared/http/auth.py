"""
Who calls a route, and what is theirs.

The caller is in the request's token (`shared.identity.tokens`). An operator route declares its
scope with `operator_with`; a viewer's or creator's route checks the owner with `require_own`.
"""

import re
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase

from shared.errors import Kind, Refusal
from shared.http.operator_reads import record_reading
from shared.http.people import people_named
from shared.identity.people import NotYours, require_other_person
from shared.identity.tokens import Identity, TokenVerifier, Unauthenticated

OPERATOR = "operator"
# One space and a token of RFC 6750, for one spelling a caller: the gateway counts what is written.
_BEARER = re.compile(r"bearer ([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE | re.ASCII)


class ScopeMissing(Refusal):
    """Only an operator with the right scope may do this."""

    kind = Kind.FORBIDDEN


def bearer_token(request: Request) -> str | None:
    """Return the token of a request's header, or None without one; refuse any other spelling."""
    header = request.headers.get("authorization")
    return None if header is None else token_in(header)


def token_in(header: str) -> str:
    """Return the token that a header spells; refuse any other spelling."""
    spelt = _BEARER.fullmatch(header)
    if spelt is None:
        raise Unauthenticated(reason="malformed")
    return spelt[1]


async def caller_of(request: Request) -> Identity:
    """Return who calls, as the request's token says; refuse a request without a valid one."""
    token = bearer_token(request)
    if token is None:
        raise Unauthenticated(reason="missing")
    verifier: TokenVerifier | None = request.app.state.verifier
    assert verifier is not None, "an application without a verifier has a route for callers"
    return await verifier.verify(token)


class _Bearer(SecurityBase):
    """
    Reads the token; as a security scheme, so that OpenAPI says which routes want one.

    An operator who is named by a request to an operator route is refused here, in every route;
    so is a caller without the scope that the route is declared with. What an operator then reads
    about a person is written down first.
    """

    def __init__(self) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="The host application's token.")
        self.scheme_name = "bearer"

    async def __call__(self, request: Request, declared: SecurityScopes) -> Identity:
        caller = await caller_of(request)
        people = await people_named(request) if OPERATOR in caller.roles else []
        for named in people:
            require_other_person(operator=caller.user, user=named)
        if OPERATOR in declared.scopes:
            _, scope = declared.scopes
            require_scope(caller, scope)
            if request.method == "GET":
                await record_reading(request, operator=caller.user, scope=scope, people=people)
        return caller


_READ_TOKEN = _Bearer()
Caller = Annotated[Identity, Security(_READ_TOKEN)]


def operator_with(scope: str) -> Any:
    """
    Declare a route as one for operators with a scope, in the annotation of its caller.

    Others are refused before anything else of the request is looked at. Role and scope stand in
    the operation's `security` in the OpenAPI document.
    """
    return Security(_READ_TOKEN, scopes=[OPERATOR, scope])


def require_own(caller: Identity, user: str) -> None:
    """Let users reach only what is their own."""
    if caller.user != user:
        raise NotYours


def require_scope(caller: Identity, scope: str) -> None:
    """Let operators do what their scopes name."""
    if OPERATOR not in caller.roles or scope not in caller.scopes:
        raise ScopeMissing(scope=scope)
