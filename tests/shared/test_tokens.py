"""Tokens: which are trusted, and what they say of their holder."""

import asyncio
import base64
import hmac
import json
import time
from contextlib import nullcontext, suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, KeySet

from shared.identity.issuers import Issuer
from shared.identity.logins import LoginTooOld, require_fresh_login
from shared.identity.tokens import Unauthenticated, Verifier
from tests.clients import AUDIENCE, ISSUER, a_token, a_verifier, signing_key
from tests.shared.tokens import a_key, a_token_with, claims_of, reason, unsigned


def dated(claims):
    """Claims whose times are told as how far away they are."""
    return {
        name: time.time() + value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in claims.items()
    }


async def test_a_good_token_says_who_calls():
    token = a_token(
        "mira", roles=["operator"], scope="a b", scopes=["c"], country="DE", age_verified=18
    )

    caller = await a_verifier().verify(token)

    assert (caller.user, caller.country, caller.age_verified) == ("mira", "DE", 18)
    assert caller.roles == {"operator"}
    assert caller.scopes == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": -timedelta(minutes=1)}, "expired"),
        ({"exp": None}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"exp": float("nan")}, "malformed"),
        ({"exp": "tomorrow"}, "malformed"),
        ({"nbf": timedelta(hours=1)}, "not-yet-valid"),
        ({"iss": "https://other.example"}, "wrong-issuer"),
        ({"iss": None}, "wrong-issuer"),
        ({"aud": "somebody"}, "wrong-audience"),
        ({"aud": ["somebody", "else"]}, "wrong-audience"),
        ({"aud": None}, "wrong-audience"),
        ({"sub": ""}, "bad-subject"),
        ({"sub": 7}, "bad-subject"),
        ({"sub": "m" * 256}, "bad-subject"),
        ({"sub": "mira\nadmin"}, "bad-subject"),
        ({"sub": "mira\n"}, "bad-subject"),
        ({"sub": "mira\x00"}, "bad-subject"),
        ({"nbf": "now"}, "malformed"),
        ({"nbf": False}, "malformed"),
        ({"iat": "now"}, "malformed"),
        ({"iat": True}, "malformed"),
        ({"iat": float("nan")}, "malformed"),
        ({"iat": timedelta(hours=1)}, "not-yet-valid"),
        ({"roles": {"operator": True}}, "bad-roles"),
        ({"roles": ["operator", 7]}, "bad-roles"),
        ({"roles": True}, "bad-roles"),
        ({"scope": 7}, "bad-scope"),
        ({"scope": {"books:read": True}}, "bad-scope"),
        ({"scopes": ["books:read", None]}, "bad-scope"),
    ],
)
async def test_a_signed_token_with_wrong_claims_is_refused(claims, why):
    assert await reason(a_token(**dated(claims))) == why


@pytest.mark.parametrize(
    "said",
    [False, True, "16", "thirty", "", 16.0, 29.5, -1, 151, 2**70, [30], {"years": 30}],
    ids=repr,
)
async def test_an_age_that_cannot_be_read_is_not_no_age(said):
    """Whoever says `false` or "16" means somebody young: to hear nothing would let them in."""
    assert await reason(a_token(age_verified=said)) == "bad-age"


async def test_an_age_is_whole_years_and_may_be_missing():
    ages = {
        said: (await a_verifier().verify(a_token(age_verified=said))).age_verified
        for said in (0, 17, 18, 150, None)
    }

    assert ages == {0: 0, 17: 17, 18: 18, 150: 150, None: None}


@pytest.mark.parametrize("said", [True, "1764403200", "", -1, 2**53, [1], {"at": 1}], ids=repr)
async def test_an_account_whose_age_cannot_be_read_is_not_one_of_unknown_age(said):
    assert await reason(a_token(account_created_at=said)) == "bad-account-time"


async def test_an_account_was_created_at_a_second_or_nothing_is_said():
    read = {
        said: (await a_verifier().verify(a_token(account_created_at=said))).account_created_at
        for said in (0, 1_764_403_200, 1_764_403_200.5, None)
    }

    assert read == {said: said for said in read}


@pytest.mark.parametrize("said", [True, "1764403200", "", -1, 2**53, [1], {"at": 1}], ids=repr)
async def test_a_login_whose_time_cannot_be_read_is_not_one_of_unknown_time(said):
    assert await reason(a_token(auth_time=said)) == "bad-login-time"


@pytest.mark.parametrize("said", [0, 1_764_403_200, 1_764_403_200.5, None])
async def test_a_token_says_when_its_person_signed_in(said):
    assert (await a_verifier().verify(a_token(auth_time=said))).auth_time == said


@pytest.mark.parametrize(
    ("age_seconds", "max_age_seconds", "passes"),
    [
        *((0, 900, True), (900, 900, True), (901, 900, False)),
        # The issuer's clock may be ahead of ours by a little, and by no more.
        *((-30, 900, True), (-31, 900, False)),
        *((None, 900, False), (None, 0, True), (10**9, 0, True)),
    ],
)
def test_a_login_is_fresh_for_so_long(age_seconds, max_age_seconds, passes):
    now = 1_764_403_200.0
    auth_time = None if age_seconds is None else now - age_seconds
    with nullcontext() if passes else pytest.raises(LoginTooOld) as refused:
        require_fresh_login(auth_time, now=now, max_age_seconds=max_age_seconds)
    if not passes:
        assert refused.value.facts == {"max_age_seconds": max_age_seconds}


@pytest.mark.parametrize("said", ["de", "De", "DE"])
async def test_a_country_is_the_same_however_it_is_written(said):
    assert (await a_verifier().verify(a_token(country=said))).country == "DE"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "D",
        "DEU",
        "D3",
        "UK",
        "ZZ",
        "EU",
        " DE",
        "DE\n",
        "ß",
        "\ufb01",
        "\u0131t",
        "\uff24\uff25",
        49,
        True,
        ["DE"],
    ],
    ids=repr,
)
async def test_what_is_no_country_refuses_the_token(said):
    assert await reason(a_token(country=said)) == "bad-country"


async def test_where_the_address_is_is_read_like_a_country():
    assert (await a_verifier().verify(a_token(ip_country="at"))).ip_country == "AT"
    assert (await a_verifier().verify(a_token())).ip_country is None
    assert await reason(a_token(ip_country="T1")) == "bad-country"


async def test_a_token_without_a_country_says_nothing_of_one():
    assert (await a_verifier().verify(a_token())).country is None
    assert (await a_verifier().verify(a_token(country=None))).country is None


async def test_clocks_may_differ_a_little_and_audiences_may_be_several():
    late = a_token(exp=int(time.time()) - 20, nbf=int(time.time()) + 20, aud=["x", AUDIENCE])

    assert (await a_verifier().verify(late)).user == "mira"


async def test_a_token_without_a_signature_is_refused():
    token = unsigned({"alg": "none", "kid": "test"}, claims_of("mira"))

    assert await reason(token) == "wrong-algorithm"


async def test_our_public_key_is_not_a_shared_secret():
    """The classic confusion: HS256 under the text of the RSA key that everyone can read."""
    body = unsigned({"alg": "HS256", "kid": "test"}, claims_of("mira"))[:-1]
    public = signing_key().as_pem(private=False)
    signature = hmac.digest(public, body.encode(), "sha256")

    token = f"{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    assert await reason(token) == "wrong-algorithm"


async def test_half_a_character_is_no_subject():
    claims = json.dumps(claims_of("mira\ud800")).encode()
    token = jws.serialize_compact({"alg": "RS256", "kid": "test"}, claims, signing_key())

    assert await reason(token) == "bad-subject"


async def test_a_forged_or_changed_token_is_refused():
    header, _, signature = a_token("mira").split(".")
    other = a_token("nils").split(".")[1]

    assert await reason(a_token(key=a_key("test"))) == "bad-signature"
    assert await reason(f"{header}.{other}.{signature}") == "bad-signature"


@pytest.mark.parametrize(
    "token",
    ["x", "a.b.c", "..", "ü.ü.ü", unsigned([], {}), base64.b64encode(b"[" * 6_000).decode() + ".."],
)
async def test_what_is_no_token_is_malformed(token):
    assert await reason(token) == "malformed"


async def test_a_token_has_a_largest_size():
    assert await reason(a_token(note="x" * 8_192)) == "too-large"


async def test_elliptic_keys_are_believed_under_their_own_algorithm():
    key = ECKey.generate_key("P-256", parameters={"kid": "test"}, private=True)

    assert (await a_verifier(key).verify(a_token(key=key, algorithm="ES256"))).user == "mira"


@pytest.mark.parametrize(
    "header",
    [
        {"cat": "cl_B7d4PD222AAA"},
        {"gty": ["authorization_code"]},
        {"version": "5"},
        {"pi.atm": "b1"},
        {"x5c": ["MIIC" + "A" * 1_500]},
        {"typ": "at+jwt"},
        {"typ": "application/at+jwt"},
        {"typ": "JWT"},
    ],
    ids=lambda header: next(iter(header)) + "=" + str(next(iter(header.values())))[:20],
)
async def test_a_header_parameter_that_we_do_not_know_is_ignored(header):
    """https://www.rfc-editor.org/rfc/rfc7515#section-4, as identity providers rely on it."""
    token = a_token_with(header)

    assert (await a_verifier().verify(token)).user == "mira"


@pytest.mark.parametrize(
    "header",
    [{"typ": "logout+jwt"}, {"typ": "dpop+jwt"}, {"typ": "secevent+jwt"}, {"cty": "JWT"}],
    ids=str,
)
async def test_a_token_that_is_for_something_else_is_refused(header):
    assert await reason(a_token_with(header)) == "wrong-type"


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"crit": ["cat"], "cat": "x"}])
async def test_a_header_parameter_that_has_to_be_understood_is_refused(header):
    assert await reason(a_token_with(header)) == "malformed"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iat": timedelta(seconds=400_000_000)}, "not-yet-valid"),
        ({"exp": timedelta(days=100 * 365)}, "lives-too-long"),
        ({"iat": None, "exp": timedelta(days=2)}, "lives-too-long"),
        ({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, "bound-token"),
        ({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, "wrong-type"),
        ({"sub": " "}, "unaddressable-subject"),
        ({"sub": "me"}, "unaddressable-subject"),
        ({"sub": " me "}, "unaddressable-subject"),
    ],
)
async def test_a_token_that_says_what_it_must_not_is_refused(claims, why):
    assert await reason(a_token(**dated(claims))) == why


@pytest.mark.parametrize(
    "subject",
    ["team/7", "https://id.example/u/7", "team\\7", ".", "..", "~7", "%2F", '"7"', "m" * 255],
)
async def test_a_subject_is_any_printable_characters(subject):
    assert (await a_verifier().verify(a_token(subject))).user == subject


@pytest.mark.parametrize("claim", ["azp", "client_id"])
async def test_where_clients_are_named_another_clients_token_is_refused(claim):
    keys = KeySet([signing_key()])
    issuer = Issuer(ISSUER, AUDIENCE, jwks_url=None, clients=frozenset(("app", "tv")))
    verifier = Verifier(issuer, keys=keys)

    assert (await verifier.verify(a_token(**{claim: "tv"}))).user == "mira"
    assert await reason(a_token(**{claim: "other"}), verifier) == "wrong-client"
    assert await reason(a_token(), verifier) == "wrong-client"


CLAIMS = (
    *("sub", "roles", "scope", "scopes", "country", "age_verified", "account_created_at", "iat"),
    "ip_country",
    *("auth_time", "nbf", "azp", "cnf"),
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(CLAIMS), JSON_VALUES, max_size=4))
@settings(max_examples=300)
def test_whatever_a_token_says_it_is_read_or_refused(claims):
    async def read():
        with suppress(Unauthenticated):
            caller = await a_verifier().verify(a_token(**claims))
            assert caller.age_verified is None or 0 <= caller.age_verified <= 150
            assert "/" not in caller.user

    asyncio.run(read())
