"""`ovationctl token explain`: the verifier's own verdict, and every rule beside it."""

import json
import os
import time

import pytest
from joserfc import jwt
from typer.testing import CliRunner

from deploy.ctl.__main__ import app
from shared.identity.explanations import near_miss
from tests.shared.publishing import IssuerServer
from tests.shared.tokens import a_key

ISSUER = "https://login.example"
KEY = a_key("one")


@pytest.fixture
def issuer(monkeypatch):
    """An installation whose issuer publishes one key."""
    server = IssuerServer()
    keys = {"keys": [KEY.as_dict(private=False)]}
    server.bodies["/keys"] = json.dumps(keys).encode()
    monkeypatch.setenv("OVATION_JWT_ISSUER", ISSUER)
    monkeypatch.setenv("OVATION_JWKS_URL", f"{server.url}/keys")
    monkeypatch.setenv("OVATION_ALLOW_INSECURE_ISSUER", "true")
    yield server
    server.stop()


def a_token(key=KEY, header=None, **claims):
    now = int(time.time())
    known = {"iss": ISSUER, "aud": "ovation", "sub": "ann", "iat": now, "exp": now + 600}
    wanted = {"alg": "RS256", "kid": "one", **(header or {})}
    return jwt.encode(wanted, {**known, **claims}, key)


def run(*arguments, given=None):
    done = CliRunner().invoke(app, ["token", "explain", *arguments], input=given)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def explained(token, code):
    done = run("--json", given=token)
    assert done.exit_code == code, done.output
    (document,) = json.loads(done.stdout)
    rules = {each["rule"]: each for each in document["rules"]}
    return document, rules


def test_an_accepted_token_says_who_it_is_and_what_they_may_do(issuer):
    token = a_token(roles=["operator"], scope="books:read", country="de", age_verified=30)
    document, rules = explained(f"Authorization: Bearer {token}\n", 0)

    assert document["is_accepted"]
    caller = document["caller"]
    assert (caller["user"], caller["country"], caller["age_verified"]) == ("ann", "DE", 30)
    assert (caller["roles"], caller["scopes"]) == (["operator"], ["books:read"])
    assert {each["reason"] for each in rules.values()} == {None}
    done = run(token)
    assert (done.exit_code, "Accepted." in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("token", "rule", "reason", "hint"),
    [
        ({"iss": f"{ISSUER}/"}, "issuer", "wrong-issuer", "slash"),
        ({"iss": "http://login.example"}, "issuer", "wrong-issuer", "http and https"),
        ({"aud": "Ovation"}, "audience", "wrong-audience", "capital letters"),
        ({"aud": None}, "audience", "wrong-audience", "access token"),
        ({"exp": 1_700_000_000}, "times", "expired", "ended"),
        ({"nbf": 4_000_000_000}, "times", "not-yet-valid", "begins in"),
        ({"token_use": "id"}, "kind", "wrong-type", None),
        ({"sub": "me"}, "subject", "unaddressable-subject", None),
        ({"roles": 7}, "roles", "bad-roles", None),
        ({"scope": {}}, "scopes", "bad-scope", None),
        ({"country": "UK"}, "country", "bad-country", None),
        ({"age_verified": "30"}, "age_verified", "bad-age", None),
        ({"cnf": {"jkt": "x"}}, "key binding", "bound-token", None),
        ({"header": {"typ": "dpop+jwt"}}, "type", "wrong-type", None),
        ({"header": {"kid": "two"}}, "key", "unknown-key", None),
        ({"key": a_key("one")}, "signature", "bad-signature", None),
    ],
)
def test_a_refused_token_says_which_rule_it_breaks(issuer, token, rule, reason, hint):
    document, rules = explained(a_token(**token), 1)

    assert (document["is_accepted"], document["reason"]) == (False, reason)
    assert document["caller"] is None
    broken = {name: each["reason"] for name, each in rules.items() if each["reason"]}
    assert broken == {rule: reason}
    assert (hint or "") in (rules[rule]["hint"] or "")


def test_every_broken_rule_is_named_though_the_first_decides(issuer):
    document, rules = explained(a_token(exp=1, aud="other", country="UK"), 1)

    assert document["reason"] == "expired"
    broken = {name for name, each in rules.items() if each["reason"]}
    assert broken == {"times", "audience", "country"}


def test_a_claim_that_is_elsewhere_is_pointed_out(issuer, monkeypatch):
    token = a_token(realm_access={"roles": ["operator"]}, **{"https://x.example/country": "DE"})
    _, rules = explained(token, 0)
    assert "realm_access.roles" in rules["roles"]["hint"]
    assert "https://x.example/country" in rules["country"]["hint"]

    monkeypatch.setenv("OVATION_JWT_ROLES_CLAIM", "realm_access.roles")
    document, rules = explained(token, 0)
    assert (document["caller"]["roles"], rules["roles"]["hint"]) == (["operator"], None)


def test_milliseconds_are_pointed_out(issuer):
    _, rules = explained(a_token(account_created_at=1_700_000_000_000, auth_time=1_700_000_000), 0)

    assert "milliseconds" in rules["account_created_at"]["hint"]
    assert rules["auth_time"]["hint"] is None


def test_a_token_is_sent_nowhere(issuer):
    token = a_token()
    explained(token, 0)

    assert {path for path, _ in issuer.asked} == {"/keys"}
    assert not [headers for _, headers in issuer.asked if token.split(".")[1] in headers]


@pytest.mark.parametrize("text", ["", "opaque", "a.b.c", "a.b.c.d.e", "x" * 9_000])
def test_what_is_no_token_is_refused(issuer, text):
    document, rules = explained(text, 1)

    assert document["reason"] in ("malformed", "too-large")
    assert set(rules) == {"form"}


def test_a_token_of_no_issuer_of_several_names_them(issuer, monkeypatch):
    other = {"issuer": "https://staff.example/", "jwks_url": "https://b.example", "audience": "a"}
    more = json.dumps([{**other, "subject_prefix": "staff:"}])
    monkeypatch.setenv("OVATION_JWT_MORE_ISSUERS", more)

    document, rules = explained(a_token(iss="https://staff.example"), 1)

    assert document["reason"] == "wrong-issuer"
    assert rules["issuer"]["required"] == f"one of {ISSUER}, https://staff.example/"
    assert "slash" in rules["issuer"]["hint"]
    assert explained(a_token(), 0)[0]["caller"]["user"] == "ann"


def test_an_issuer_that_does_not_answer_is_told_from_a_token_that_is_refused(issuer):
    del issuer.bodies["/keys"]

    document, rules = explained(a_token(), 3)

    assert document["reason"] == "issuer-unavailable"
    assert "404" in rules["signature"]["hint"]


def test_settings_are_those_of_a_service_if_it_is_named(issuer, monkeypatch):
    for name in ("JWT_ISSUER", "JWKS_URL", "ALLOW_INSECURE_ISSUER"):
        monkeypatch.setenv(f"WALLET_{name}", os.environ[f"OVATION_{name}"])
        monkeypatch.delenv(f"OVATION_{name}")
    monkeypatch.setenv("WALLET_JWT_AUDIENCE", "coins")

    assert run("--service", "wallet", a_token(aud="coins")).exit_code == 0
    assert run("--service", "wallet", a_token()).exit_code == 1
    missing = run(a_token())
    assert missing.exit_code == 2
    assert "OVATION_JWT_ISSUER" in missing.stderr


@pytest.mark.parametrize(
    ("found", "hint"),
    [("https://a/x ", "spaces"), ("HTTPS://a/x", "capital"), ("https://a/x", None), (7, None)],
)
def test_what_is_nearly_the_same_is_said(found, hint):
    said = near_miss(found, "https://a/x")

    assert (hint in said) if hint else said is None
