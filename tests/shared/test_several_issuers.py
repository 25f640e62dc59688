"""Tokens of several issuers: each has its own keys, claims and users, and disturbs no other."""

import json
import time

import pytest
from joserfc import jwt
from pydantic import ValidationError

from shared.identity.people import same_person
from shared.identity.tokens import IssuerUnavailable, Unauthenticated
from shared.runtime.service import build_verifier
from shared.runtime.settings import ServiceSettings
from tests.shared.publishing import IssuerServer
from tests.shared.test_settings import A_SERVICE
from tests.shared.tokens import a_key

USERS, STAFF = "https://users.example", "https://staff.example/"
# One name for two keys: an issuer's tokens are checked with its own.
USERS_KEY, STAFF_KEY = a_key("key"), a_key("key")


def a_token(issuer, key, subject="ann", **claims):
    now = int(time.time())
    known = {"iss": issuer, "aud": "ovation", "sub": subject, "iat": now, "exp": now + 600}
    header = {"alg": "RS256", "kid": key.kid, **claims.pop("header", {})}
    return jwt.encode(header, {**known, **claims}, key)


def of_users(subject="ann", **claims):
    return a_token(USERS, USERS_KEY, subject, **claims)


def of_staff(subject="ann", **claims):
    return a_token(STAFF, STAFF_KEY, subject, **{"aud": "coins", **claims})


@pytest.fixture
def servers():
    """The servers of both issuers' keys."""
    running = {}
    for name, key in (("users", USERS_KEY), ("staff", STAFF_KEY)):
        running[name] = IssuerServer()
        keys = [key.as_dict(private=False)]
        running[name].bodies["/keys"] = json.dumps({"keys": keys}).encode()
    yield running
    for server in running.values():
        server.stop()


def settings(servers, **others):
    first = {"jwt_issuer": USERS, "jwks_url": f"{servers['users'].url}/keys"}
    more = {"issuer": STAFF, "jwks_url": f"{servers['staff'].url}/keys", "audience": "coins"}
    more |= {"subject_prefix": "staff:", "roles_claim": "groups", "country_claim": "where.home"}
    known = {**A_SERVICE, **first, "allow_insecure_issuer": True}
    return ServiceSettings(**known, jwt_more_issuers=json.dumps([{**more, **others}]))


@pytest.fixture
def verifier(servers):
    return build_verifier(settings(servers))


async def reason(verifier, token):
    with pytest.raises(Unauthenticated) as refused:
        await verifier.verify(token)
    return refused.value.facts["reason"]


async def test_tokens_of_both_issuers_say_who_calls(verifier):
    user = await verifier.verify(of_users(roles=["creator"], country="DE"))
    staff = await verifier.verify(of_staff(groups=["operator"], where={"home": "at"}))

    assert (user.user, user.roles, user.country) == ("ann", {"creator"}, "DE")
    assert (staff.user, staff.roles, staff.country) == ("staff:ann", {"operator"}, "AT")


async def test_an_issuers_token_is_checked_with_its_own_keys_and_audience_alone(verifier):
    assert await reason(verifier, a_token(USERS, STAFF_KEY)) == "bad-signature"
    assert await reason(verifier, a_token(STAFF, USERS_KEY, aud="coins")) == "bad-signature"
    assert await reason(verifier, of_staff(aud="ovation")) == "wrong-audience"
    assert await reason(verifier, of_users(aud="coins")) == "wrong-audience"


async def test_claims_are_read_where_their_own_issuer_has_them(verifier):
    staff = await verifier.verify(of_staff(roles=["operator"], country="DE"))
    user = await verifier.verify(of_users(groups=["operator"], where={"home": "at"}))

    assert (staff.roles, staff.country) == (set(), None)
    assert (user.roles, user.country) == (set(), None)


@pytest.mark.parametrize(
    "named", [STAFF[:-1], USERS + "/", "https://other.example", None, 7, [USERS]]
)
async def test_a_token_of_any_other_issuer_is_refused(verifier, named):
    assert await reason(verifier, a_token(named, USERS_KEY)) == "wrong-issuer"


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "malformed"),
        ("a.b.c", "malformed"),
        ("e30.W10.x", "malformed"),
        ("e30." + "W1tbW1" * 1_000 + ".x", "malformed"),
        ("e30.e30.x", "wrong-issuer"),
        ("x" * 9_000, "too-large"),
    ],
)
async def test_what_is_no_token_is_refused(verifier, token, why):
    assert await reason(verifier, token) == why


async def test_one_subject_at_two_issuers_is_two_people(verifier):
    one, other = await verifier.verify(of_users("7")), await verifier.verify(of_staff("7"))

    assert not same_person(one.user, other.user)


@pytest.mark.parametrize("subject", ["staff:ann", "STAFF:ann", "\uff53taff:ann", "st\u00adaff:ann"])
async def test_nobody_of_the_first_issuer_is_called_like_somebody_of_another(verifier, subject):
    assert await reason(verifier, of_users(subject)) == "reserved-subject"
    assert (await verifier.verify(of_users("staff"))).user == "staff"


async def test_a_subject_with_its_prefix_is_as_long_as_a_user_id_may_be(verifier):
    assert (await verifier.verify(of_staff("m" * 249))).user == f"staff:{'m' * 249}"
    assert await reason(verifier, of_staff("m" * 250)) == "bad-subject"
    assert await reason(verifier, of_staff("")) == "bad-subject"
    assert await reason(verifier, of_staff(None)) == "bad-subject"


@pytest.mark.parametrize("away", ["users", "staff"])
async def test_an_issuer_that_is_away_disturbs_no_other(verifier, servers, away):
    del servers[away].bodies["/keys"]
    tokens = {"users": of_users(), "staff": of_staff()}

    with pytest.raises(IssuerUnavailable):
        await verifier.verify(tokens.pop(away))
    (there,) = tokens.values()
    assert (await verifier.verify(there)).user.endswith("ann")


async def test_a_start_fetches_the_keys_of_all_that_answer(verifier, servers):
    del servers["users"].bodies["/keys"]
    with pytest.raises(OSError, match="404"):
        await verifier.refresh()
    del servers["staff"].bodies["/keys"]

    assert (await verifier.verify(of_staff())).user == "staff:ann"


async def test_target_tokens_are_the_first_issuers(verifier):
    """They name users as they are: another issuer would speak for people who are not its own."""
    header = {"header": {"typ": "ovation-target+jwt"}, "creators": ["lea"]}

    assert (await verifier.verify_target(of_users(**header)))["creators"] == ["lea"]
    with pytest.raises(Unauthenticated):
        await verifier.verify_target(of_staff(**header))


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ({"issuer": USERS}, "named twice"),
        ({"subject_prefix": ""}, "subject_prefix"),
        ({"subject_prefix": "staff"}, "subject_prefix"),
        ({"subject_prefix": "Staff:"}, "subject_prefix"),
        ({"subject_prefix": "a:b:"}, "subject_prefix"),
        ({"subject_prefix": "ä:"}, "subject_prefix"),
        ({"audience": ""}, "0.audience"),
        ({"roles_claim": "a..b"}, "no path to a claim"),
        ({"audience_optional": True}, "JWT_CLIENTS"),
        ({"audiences": "x"}, "0.audiences"),
    ],
)
def test_issuers_that_could_be_taken_for_each_other_stop_a_service(servers, others, why):
    with pytest.raises(ValidationError, match=why):
        settings(servers, **others)


@pytest.mark.parametrize("text", ["{}", "staff", "[7]", '[{"issuer": "https://b"}]'])
def test_issuers_that_cannot_be_read_stop_a_service(text):
    with pytest.raises(ValidationError, match="jwt_more_issuers"):
        ServiceSettings(**A_SERVICE, jwt_more_issuers=text)


def test_two_issuers_have_two_prefixes():
    each = {"jwks_url": "https://k.example", "audience": "a", "subject_prefix": "b:"}
    both = [{"issuer": f"https://{name}.example", **each} for name in ("b", "c")]

    with pytest.raises(ValidationError, match="one subject_prefix"):
        ServiceSettings(**A_SERVICE, jwt_more_issuers=json.dumps(both))


@pytest.mark.parametrize("field", ["issuer", "jwks_url"])
def test_keys_of_another_issuer_come_over_tls_too(field):
    more = {"issuer": "https://b.example", "jwks_url": "https://b.example/k", "audience": "a"}
    more |= {"subject_prefix": "b:", field: "http://b.example/k"}

    with pytest.raises(ValidationError, match="ALLOW_INSECURE_ISSUER"):
        ServiceSettings(**A_SERVICE, jwt_more_issuers=json.dumps([more]))
