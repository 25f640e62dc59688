"""
The rules for what a signed token says, one at a time.

`Verifier` applies them in their order and refuses at the first that does not hold; an explanation
applies each of them, so that both always say the same.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from shared.identity.claims import (
    SUBJECT_CHARACTERS_MAX,
    BadClaim,
    Path,
    claim_at,
    read_account_time,
    read_age,
    read_country,
    read_login_time,
    read_roles,
    read_scopes,
    read_shown,
    read_time,
    require_access_token,
)
from shared.identity.issuers import Issuer

LEEWAY_SECONDS = 30
LIFETIME_SECONDS_MAX = 86_400
# What issuers call the application that a token was made for.
CLIENT_CLAIMS = ("azp", "client_id", "cid", "appid")

Claims: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One rule: `read` returns what a token says, or raises BadClaim.

    `places` are where it looks, `required` says in words what it wants, and `field` is the field of
    the caller's identity that it fills.
    """

    name: str
    places: tuple[Path, ...]
    required: str
    read: Callable[[Claims], object]
    field: str | None = None


def caller_rules(
    issuer: Issuer, *, reserved: Collection[str] = (), lifetime_seconds_max: int
) -> tuple[Rule, ...]:
    """Return the rules for a token that says who calls, in their order."""
    names = issuer.names
    return (
        *_issued_rules(issuer, lifetime_seconds_max),
        _audience_rule(issuer, is_optional=issuer.audience_optional),
        Rule(
            "client",
            tuple((name,) for name in CLIENT_CLAIMS),
            f"one of {_listed(issuer.clients)}" if issuer.clients else "any",
            partial(_require_client, clients=issuer.clients),
        ),
        Rule(
            "kind",
            (("typ",), ("token_use",)),
            "not those of an ID, refresh or logout token",
            require_access_token,
        ),
        Rule(
            "subject",
            (("sub",),),
            f"1 to {SUBJECT_CHARACTERS_MAX} printable characters, not me"
            + (f"; {issuer.subject_prefix} comes before it" if issuer.subject_prefix else ""),
            lambda claims: issuer.user_of(claims.get("sub"), reserved=reserved),
            "user",
        ),
        _rule("roles", names.roles, "words: creator, operator", partial(read_roles, names=names)),
        Rule(
            "scopes",
            names.scopes,
            "words: what an operator may do",
            partial(read_scopes, names=names),
            "scopes",
        ),
        _claim("country", names.country, "ISO 3166-1 alpha-2", read_country, "bad-country"),
        _claim("age_verified", names.age, "whole years, 0 to 150", read_age, "bad-age"),
        _claim(
            "account_created_at",
            names.account_created_at,
            "seconds after 1970",
            read_account_time,
            "bad-account-time",
        ),
        _claim(
            "auth_time", names.auth_time, "seconds after 1970", read_login_time, "bad-login-time"
        ),
        _claim("ip_country", names.ip_country, "ISO 3166-1 alpha-2", read_country, "bad-country"),
        _shown_claim("name", names.name, "a text that people are shown, or absent"),
        _shown_claim("picture", names.picture, "an https address of an image, or absent"),
    )


def target_rules(issuer: Issuer, *, lifetime_seconds_max: int) -> tuple[Rule, ...]:
    """Return the rules for a token that says who may be given gifts."""
    return (
        *_issued_rules(issuer, lifetime_seconds_max),
        _audience_rule(issuer, is_optional=False),
    )


def accepted_until(claims: Claims) -> float:
    """Return when a token stops being accepted: clocks may differ a little."""
    return read_time(claims.get("exp")) + LEEWAY_SECONDS


def _issued_rules(issuer: Issuer, lifetime_seconds_max: int) -> tuple[Rule, ...]:
    return (
        Rule(
            "times",
            (("exp",), ("iat",), ("nbf",)),
            f"not over, not in the future ({LEEWAY_SECONDS} s between clocks are allowed), and at"
            f" most {lifetime_seconds_max} s from iat (or now) to exp",
            partial(_require_times, lifetime_seconds_max=lifetime_seconds_max),
        ),
        Rule("issuer", (("iss",),), issuer.name, partial(_require_issuer, issuer=issuer)),
        Rule("key binding", (("cnf",),), "absent", _require_unbound),
    )


def _audience_rule(issuer: Issuer, *, is_optional: bool) -> Rule:
    return Rule(
        "audience",
        (("aud",),),
        f"{issuer.audience}, alone or in a list{'; or absent' if is_optional else ''}",
        partial(_require_audience, audience=issuer.audience, is_optional=is_optional),
    )


def _rule(name: str, place: Path, required: str, read: Callable[[Claims], object]) -> Rule:
    return Rule(name, (place,), required, read, name)


def _claim(
    name: str, place: Path, required: str, read: Callable[[object], object], reason: str
) -> Rule:
    """Make the rule for a claim that may be absent."""
    return _rule(
        name,
        place,
        f"{required}, or absent",
        lambda claims: read(claim_at(claims, place, reason=reason)),
    )


def _shown_claim(name: str, place: Path, required: str) -> Rule:
    """Make the rule for a claim that refuses no token."""
    return _rule(name, place, required, partial(read_shown, path=place))


def _require_times(claims: Claims, *, lifetime_seconds_max: int) -> None:
    now = time.time()
    expires_at = read_time(claims.get("exp"))
    # A claim of null says nothing; a token that starts or was made in the future is early.
    not_before, made_at = (
        read_time(claims[name]) if claims.get(name) is not None else None for name in ("nbf", "iat")
    )
    if now > expires_at + LEEWAY_SECONDS:
        raise BadClaim("expired")
    if now < max(not_before or 0.0, made_at or 0.0) - LEEWAY_SECONDS:
        raise BadClaim("not-yet-valid")
    if expires_at - (now if made_at is None else made_at) > lifetime_seconds_max + LEEWAY_SECONDS:
        raise BadClaim("lives-too-long")


def _require_issuer(claims: Claims, *, issuer: Issuer) -> None:
    if claims.get("iss") != issuer.name:
        raise BadClaim("wrong-issuer")


def _require_unbound(claims: Claims) -> None:
    # Its sender would have to prove a key, and no service here asks for that proof.
    if claims.get("cnf") is not None:
        raise BadClaim("bound-token")


def _require_audience(claims: Claims, *, audience: str, is_optional: bool) -> None:
    named = claims.get("aud")
    if named is None and is_optional:
        return
    if audience not in (named if isinstance(named, list) else [named]):
        raise BadClaim("wrong-audience")


def _require_client(claims: Claims, *, clients: frozenset[str]) -> None:
    if clients and clients.isdisjoint(_text(claims, name) for name in CLIENT_CLAIMS):
        raise BadClaim("wrong-client")


def _text(claims: Claims, name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) else None


def _listed(words: Collection[str]) -> str:
    return ", ".join(sorted(words))
