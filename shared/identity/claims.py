"""
What a token says about its user, read strictly.

A claim that is missing (or null) says nothing. A claim that is there and cannot be read is a
fault of the host application: the token is refused, because any guess could be the wrong one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from shared.identity.countries import country_of

# OpenID Connect Core, section 2: "MUST NOT exceed 255 ASCII characters in length".
SUBJECT_CHARACTERS_MAX = 255
# No control characters, C1 included, and no half of a surrogate pair: PostgreSQL keeps neither
# NUL nor those, and a log line stays a line.
_SUBJECT = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{1,{SUBJECT_CHARACTERS_MAX}}}")

# What stands for the caller in paths.
ME = "me"
AGE_YEARS_MAX = 150
# Times beyond this are not times; NaN, which would never expire, is below nothing.
TIME_MAX = 2**53


class BadClaim(Exception):
    """A claim has a wrong type or an impossible value; `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# A place in a token: names, from the outside in.
Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Where a token says what it says of its user; a page reads it by the same names."""

    roles: Path = ("roles",)
    scopes: tuple[Path, ...] = (("scope",), ("scopes",))
    country: Path = ("country",)
    age: Path = ("age_verified",)
    ip_country: Path = ("ip_country",)
    account_created_at: Path = ("account_created_at",)
    auth_time: Path = ("auth_time",)
    name: Path = ("name",)
    picture: Path = ("picture",)


DEFAULT_NAMES = ClaimNames()
# What tokens that are signed with the same keys call themselves: Keycloak's in `typ`, Cognito's in
# `token_use`. None of these may be sent to a service.
_NO_ACCESS_TYPES = frozenset(("id", "refresh", "offline", "logout"))
_ACCESS_USE = "access"


def claim_names(**settings: str) -> ClaimNames:
    """
    Read the settings that say where claims are, by the fields of `ClaimNames`.

    A claim whose setting is empty is where it is by default.
    """
    named: dict[str, Any] = {name: _path(setting) for name, setting in settings.items() if setting}
    if "scopes" in named:
        named["scopes"] = (named["scopes"],)
    return ClaimNames(**named)


def _path(setting: str) -> Path:
    r"""
    Read `realm_access.roles` as a path; `\.` is a dot of a name.

    A URL is one name, as namespaced claims have it.
    """
    if "://" in setting:
        return (setting,)
    names = tuple(name.replace("\\.", ".") for name in re.split(r"(?<!\\)\.", setting))
    if not all(names):
        raise ValueError(f"{setting!r} is no path to a claim, such as realm_access.roles")
    return names


def require_access_token(claims: Mapping[str, Any]) -> None:
    """Refuse what says of itself that it is another kind of token."""
    kind, use = claims.get("typ"), claims.get("token_use")
    if isinstance(kind, str) and kind.lower() in _NO_ACCESS_TYPES:
        raise BadClaim("wrong-type")
    if use not in (None, _ACCESS_USE):
        raise BadClaim("wrong-type")


def read_roles(claims: Mapping[str, Any], names: ClaimNames) -> frozenset[str]:
    """Read roles from where this installation's tokens have them, and from nowhere else."""
    return read_words(claim_at(claims, names.roles, reason="bad-roles"), reason="bad-roles")


def read_scopes(claims: Mapping[str, Any], names: ClaimNames) -> frozenset[str]:
    """Read scopes from where this installation's tokens have them, and from nowhere else."""
    found = [claim_at(claims, path, reason="bad-scope") for path in names.scopes]
    return frozenset().union(*(read_words(value, reason="bad-scope") for value in found))


def claim_at(claims: Mapping[str, Any], path: Path, *, reason: str) -> object:
    """Return what is at the end of a path; None if any part of it is missing or null."""
    value: object = claims
    for name in path:
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise BadClaim(reason)
        value = value.get(name)
    return value


def read_time(value: object) -> float:
    """Read a point in time, in seconds; a bool is an int to isinstance, but no time."""
    if type(value) not in (int, float):
        raise BadClaim("malformed")
    assert isinstance(value, int | float)
    if not 0 <= value < TIME_MAX:
        raise BadClaim("malformed")
    return value


def read_subject(value: object) -> str:
    """
    Read whom a token speaks for: printable characters, as many as OpenID Connect allows.

    A person whom no path could name could buy and give, but no operator could stop them.
    """
    if not isinstance(value, str) or not _SUBJECT.fullmatch(value):
        raise BadClaim("bad-subject")
    if not can_be_person(value):
        raise BadClaim("unaddressable-subject")
    return value


def is_addressable(name: str) -> bool:
    """Whether a name can be one part of a path, however clients and proxies write it."""
    return "/" not in name and "\\" not in name and name.strip() not in ("", ".", "..")


def can_be_person(name: str) -> bool:
    """Whether a name can be a person's: `me` is the caller, so no path could name that person."""
    return name.strip() not in ("", ME)


def read_words(value: object, *, reason: str) -> frozenset[str]:
    """Read a claim that is a list of words, or words between spaces."""
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return frozenset(value.split())
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise BadClaim(reason)
    return frozenset(value)


def read_country(value: object) -> str | None:
    """Read a country as ISO 3166-1 alpha-2, in any case; it is in capitals afterwards."""
    if value is None:
        return None
    country = country_of(value) if isinstance(value, str) else None
    if country is None:
        raise BadClaim("bad-country")
    return country


def read_account_time(value: object) -> float | None:
    """Read when the host's account was created, in seconds after 1970."""
    if value is None:
        return None
    try:
        return read_time(value)
    except BadClaim:
        raise BadClaim("bad-account-time") from None


def read_login_time(value: object) -> float | None:
    """Read when the person signed in, in seconds after 1970."""
    if value is None:
        return None
    try:
        return read_time(value)
    except BadClaim:
        raise BadClaim("bad-login-time") from None


def read_shown(claims: Mapping[str, Any], path: Path) -> str | None:
    """
    Read what a token says of how its user is shown: a text as it stands, or nothing.

    No decision depends on it, so what cannot be read refuses no token.
    """
    try:
        value = claim_at(claims, path, reason="unreadable")
    except BadClaim:
        return None
    return value if isinstance(value, str) and value else None


def read_age(value: object) -> int | None:
    """Read an age in whole years; `false`, "16" and 16.0 are none."""
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= AGE_YEARS_MAX:
        raise BadClaim("bad-age")
    return value
