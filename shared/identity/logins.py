"""
How long ago a person signed in: what a stolen token could do for good asks for a fresh login.

`auth_time` of the token says it, as OpenID Connect has it: it stays while tokens are renewed.
"""

from shared.errors import Kind, Refusal
from shared.identity.rules import LEEWAY_SECONDS


class LoginTooOld(Refusal):
    """Please sign in again, then repeat this."""

    kind = Kind.FORBIDDEN


def require_fresh_login(auth_time: float | None, *, now: float, max_age_seconds: int) -> None:
    """
    Refuse a token whose person signed in too long ago, or that does not say when.

    A `max_age_seconds` of 0 asks for nothing.
    """
    if max_age_seconds == 0:
        return
    if auth_time is None or not -LEEWAY_SECONDS <= now - auth_time <= max_age_seconds:
        raise LoginTooOld(max_age_seconds=max_age_seconds)
