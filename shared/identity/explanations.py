"""
Why a token is accepted or refused, rule by rule, with what it says beside what is wanted.

Nothing is decided here: the verifier and its own rules are asked.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.identity.claims import BadClaim, Path, claim_at
from shared.identity.issuer_keys import ALGORITHMS
from shared.identity.issuers import Issuer
from shared.identity.rules import Rule
from shared.identity.several_issuers import SeveralIssuers, read_unverified
from shared.identity.tokens import (
    TOKEN_BYTES_MAX,
    TOKEN_TYPES,
    Identity,
    IssuerUnavailable,
    TokenVerifier,
    Unauthenticated,
    Verifier,
)

UNAVAILABLE = "issuer-unavailable"
# More than this is a year after 5000, in seconds.
_MILLISECONDS = 10**11
_TIMES = frozenset(("exp", "iat", "nbf", "auth_time", "account_created_at"))


@dataclass(frozen=True, slots=True)
class Finding:
    """What a token says about one rule; `reason` is why it is refused for this alone."""

    rule: str
    found: str
    required: str
    reason: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of a token, as the verifier decided, and every rule by itself."""

    reason: str | None
    findings: Sequence[Finding]
    caller: Identity | None = None


async def explain(verifier: TokenVerifier, issuers: Sequence[Issuer], token: str) -> Explanation:
    """Verify a token as a service does, and look at each rule."""
    try:
        caller, reason = await verifier.verify(token), None
    except Unauthenticated as refused:
        caller, reason = None, str(refused.facts["reason"])
    except IssuerUnavailable:
        caller, reason = None, UNAVAILABLE
    try:
        header, claims = read_unverified(token)
    except Unauthenticated as unreadable:
        return Explanation(reason, [_unreadable(token, str(unreadable.facts["reason"]))])
    own = _verifier_of(verifier, token)
    if own is None:
        named = ", ".join(issuer.name for issuer in issuers)
        hints = (near_miss(claims.get("iss"), issuer.name) for issuer in issuers)
        hint = next((each for each in hints if each), None)
        found = Finding("issuer", _shown(claims.get("iss")), f"one of {named}", reason, hint)
        return Explanation(reason, [found])
    findings = [*await _header_findings(own, header, token), *_claim_findings(own, claims)]
    return Explanation(reason, findings, caller)


def near_miss(found: object, required: str) -> str | None:
    """Say what little is different between two texts that should be the same."""
    if not isinstance(found, str) or found == required:
        return None
    if found.rstrip("/") == required.rstrip("/"):
        return "differs by a slash at the end"
    if found.strip() == required.strip():
        return "differs by spaces around it"
    if found.casefold() == required.casefold():
        return "differs by capital letters"
    if found.partition("://")[2] == required.partition("://")[2]:
        return "differs by http and https"
    return None


def _verifier_of(verifier: TokenVerifier, token: str) -> Verifier | None:
    """Return the verifier of the token's issuer; the only one has also tokens of others."""
    if isinstance(verifier, SeveralIssuers):
        try:
            return verifier.verifier_of(token)
        except Unauthenticated:
            return None
    assert isinstance(verifier, Verifier)
    return verifier


def _unreadable(token: str, reason: str) -> Finding:
    return Finding(
        "form",
        f"{len(token)} characters, {token.count('.') + 1} parts",
        f"three parts of base64url between dots, at most {TOKEN_BYTES_MAX} characters",
        reason,
        "an opaque or encrypted token cannot be read: ask your provider for a signed JWT"
        if token.count(".") != 2
        else None,
    )


async def _header_findings(
    verifier: Verifier, header: Mapping[str, Any], token: str
) -> list[Finding]:
    reason, hint = await _signature_fault(verifier, token)
    published = ", ".join(verifier.key_names) or "none could be read"
    where = verifier.issuer.jwks_url or "given"
    rows = {
        "algorithm": (header.get("alg"), f"one of {', '.join(ALGORITHMS)}", ("wrong-algorithm",)),
        "type": (header.get("typ"), f"absent, or {', '.join(TOKEN_TYPES)}", ("wrong-type",)),
        "key": (header.get("kid"), f"published at {where}: {published}", ("unknown-key",)),
        "signature": ("present", "of that key", ("bad-signature", "malformed", UNAVAILABLE)),
    }
    return [
        Finding(
            name,
            _shown(found),
            required,
            reason if reason in reasons else None,
            hint if reason in reasons else None,
        )
        for name, (found, required, reasons) in rows.items()
    ]


async def _signature_fault(verifier: Verifier, token: str) -> tuple[str | None, str | None]:
    """Return why a signature is none of the issuer's, and what went wrong with its keys."""
    try:
        await verifier.verify_signature(token)
    except Unauthenticated as refused:
        return str(refused.facts["reason"]), None
    except IssuerUnavailable:
        try:
            await verifier.refresh()
        except Exception as error:  # noqa: BLE001 - whatever it is, an operator has to know it
            return UNAVAILABLE, repr(error)[:300]
        return UNAVAILABLE, "it answered just now: try again"
    return None, None


def _claim_findings(verifier: Verifier, claims: Mapping[str, Any]) -> Iterator[Finding]:
    for rule in verifier.caller_rules:
        reason, value = None, None
        try:
            value = rule.read(claims)
        except BadClaim as bad:
            reason = bad.reason
        hint = _hint(rule, claims, verifier.issuer) if reason else _elsewhere(rule, value, claims)
        yield Finding(rule.name, _found(rule, claims), rule.required, reason, hint)


def _found(rule: Rule, claims: Mapping[str, Any]) -> str:
    """Show what a token says at all places that a rule looks at."""
    shown = []
    for place in rule.places:
        value = _at(claims, place)
        if value is not None:
            shown.append(f"{'.'.join(place)}: {_shown(value, is_time=place[-1] in _TIMES)}")
    return "; ".join(shown) or f"no {' or '.join('.'.join(place) for place in rule.places)}"


def _hint(rule: Rule, claims: Mapping[str, Any], issuer: Issuer) -> str | None:
    match rule.name:
        case "issuer":
            return near_miss(claims.get("iss"), issuer.name)
        case "audience":
            named = claims.get("aud")
            listed = named if isinstance(named, list) else [named]
            hints = (near_miss(each, issuer.audience) for each in listed)
            if named is None:
                return "ask your provider for an access token of this API, not a token of a login"
            return next((each for each in hints if each), None)
        case "times":
            return _clock_hint(claims)
    return None


def _clock_hint(claims: Mapping[str, Any]) -> str | None:
    now = time.time()
    ends, begins = claims.get("exp"), claims.get("nbf") or claims.get("iat")
    if isinstance(ends, int | float) and ends < now:
        return f"it ended {now - ends:.0f} s ago"
    if isinstance(begins, int | float) and begins > now:
        return f"it begins in {begins - now:.0f} s: compare the clocks"
    return None


def _elsewhere(rule: Rule, value: object, claims: Mapping[str, Any]) -> str | None:
    """Say where a claim may be that was not found where the settings say, or what it may mean."""
    if rule.name in _TIMES and isinstance(value, int | float) and value > _MILLISECONDS:
        return "these seconds are far in the future: are they milliseconds?"
    if rule.field is None or value not in (None, frozenset()):
        return None
    wanted = {rule.name, rule.places[0][-1]}
    places = [place for place in _places(claims) if place[-1].rpartition("/")[2] in wanted]
    others = [".".join(place) for place in places if place not in rule.places]
    return f"there is {', '.join(others)}: a setting names the place" if others else None


def _places(claims: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for name, value in claims.items():
        yield (*above, name)
        if isinstance(value, dict) and len(above) < 3:
            yield from _places(value, (*above, name))


def _at(claims: Mapping[str, Any], place: Path) -> object:
    try:
        return claim_at(claims, place, reason="")
    except BadClaim:
        return _at(claims, place[:-1])


def _shown(value: object, *, is_time: bool = False) -> str:
    if value is None:
        return "absent"
    if is_time and isinstance(value, int | float) and 0 <= value < 253_402_300_800:
        return f"{value} ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return value if isinstance(value, str) else repr(value)
