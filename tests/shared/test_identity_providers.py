"""Tokens of each provider in docs/operations/identity-providers.md, with the settings it says."""

import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from pydantic import SecretStr, ValidationError

from shared.identity.issuer_keys import usable_keys
from shared.identity.tokens import Unauthenticated
from shared.runtime.service import build_verifier
from shared.runtime.settings import ServiceSettings

PAGE = Path("docs/operations/identity-providers.md")
RSA = RSAKey.generate_key(2048, parameters={"kid": "key"}, private=True)
OPERATOR = {"audit:read", "disputes:read"}
WORDS = sorted(OPERATOR)
SIGNED_IN = 1_700_000_000


# What the page calls by what it is, as the tokens here have it.
PLACEHOLDERS = {
    "<client id>": "5example4",
    "<client id of the API>": "4f1c",
    "<project id>": "app-1",
    "<application id>": "app",
}


@dataclass(frozen=True)
class Provider:
    """A provider's access token: what is in it, and where it says the rest of what we read."""

    name: str
    issuer: str
    claims: dict[str, object]
    header: dict[str, object] = field(default_factory=dict)
    key: object = field(default_factory=lambda: RSA)
    algorithm: str = "RS256"

    @property
    def settings(self):
        """The settings that stand in the provider's row of the page."""
        _, _, page = PAGE.read_text().partition("| at the provider | settings of Ovation |")
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {self.name} ")]
        column = row.split(" | ")[2]
        said = dict(re.findall(r"`OVATION_([A-Z_]+)=([^`]+)`", column))
        return {name.lower(): PLACEHOLDERS.get(value, value) for name, value in said.items()}

    def token(self, **other):
        now = int(time.time())
        claims = {"iss": self.issuer, "iat": now, "exp": now + 300, **self.claims, **other}
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "key", **self.header}
        names = [self.algorithm]
        registry = jwt.JWSRegistry(algorithms=names, strict_check_header=False)
        return jwt.encode(header, claims, self.key, registry=registry)

    def verifier(self, **other):
        settings = a_service(**{"jwt_issuer": self.issuer, **self.settings, **other})
        verifier = build_verifier(settings)
        verifier._keys = usable_keys({"keys": [self.key.as_dict(private=False)]})  # noqa: SLF001
        verifier._refresh_at = time.monotonic() + 300  # noqa: SLF001 - nobody is asked for keys
        return verifier


def a_service(**settings):
    known = {
        "port": 1,
        "database_url": "postgresql://",
        "database_password": SecretStr("x"),
        "broker_url": "amqp://",
        "broker_password": SecretStr("x"),
        "jwt_issuer": "https://login.example",
        "jwt_audience": "ovation",
        "jwks_url": "https://login.example/keys",
    }
    return ServiceSettings(**{**known, **settings})


_TRIED = [
    Provider(
        "Keycloak",
        "https://id.example/realms/app",
        {
            "jti": "onrtac:1",
            "aud": ["ovation", "account"],
            "sub": "f:5f1c:ann",
            "typ": "Bearer",
            "azp": "app",
            "auth_time": SIGNED_IN,
            "realm_access": {"roles": ["offline_access", "operator"]},
            "resource_access": {"account": {"roles": ["manage-account"]}},
            "scope": "openid audit:read disputes:read",
            "country": "de",
            "age_verified": 30,
        },
        header={"typ": "JWT"},
    ),
    Provider(
        "Auth0",
        "https://app.eu.auth0.com/",
        {
            "aud": ["ovation", "https://app.eu.auth0.com/userinfo"],
            "sub": "auth0|507f1f77bcf86cd799439020",
            "azp": "my_client_id",
            "scope": "openid profile",
            "permissions": WORDS,
            "https://coins.example.com/roles": ["operator"],
            "https://coins.example.com/country": "de",
            "https://coins.example.com/age_verified": 30,
            "https://coins.example.com/auth_time": SIGNED_IN,
        },
        header={"typ": "at+jwt"},
        algorithm="PS256",
    ),
    Provider(
        "Cognito",
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a1b2",
        {
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "client_id": "5example4",
            "token_use": "access",
            "version": 2,
            "username": "ann",
            "auth_time": SIGNED_IN,
            "cognito:groups": ["operator", "eu-central-1_a1b2_Google"],
            "scope": "openid audit:read disputes:read",
            "country": "de",
            "age_verified": 30,
        },
    ),
    Provider(
        "Clerk",
        "https://clerk.app.example",
        {
            "sub": "user_2abc",
            "sid": "sess_2abc",
            "azp": "https://app.example",
            "v": 2,
            "fva": [0, -1],
            "metadata": {
                "roles": ["operator"],
                "scopes": WORDS,
                "country": "de",
                "age_verified": 30,
            },
            "auth_time": SIGNED_IN,
        },
        header={"typ": "JWT", "cat": "cl_B7d4PD111AAA"},
    ),
    Provider(
        "Microsoft Entra ID",
        "https://login.microsoftonline.com/9122040d/v2.0",
        {
            "aud": "4f1c",
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            "azp": "6cb04018",
            "ver": "2.0",
            "scp": "audit:read disputes:read",
            "roles": ["operator"],
            "ctry": "DE",
            "auth_time": SIGNED_IN,
            "age_verified": 30,
        },
        header={"typ": "JWT", "x5t": "nbCwW11w3XkB-xUaXwKRSLjMHGQ"},
    ),
    Provider(
        "Okta",
        "https://app.okta.com/oauth2/default",
        {
            "aud": "ovation",
            "sub": "ann@app.example",
            "cid": "5example4",
            "ver": 1,
            "scp": WORDS,
            "groups": ["Everyone", "operator"],
            "country": "de",
            "age_verified": 30,
            "auth_time": SIGNED_IN,
        },
    ),
    Provider(
        "Firebase",
        "https://securetoken.google.com/app-1",
        {
            "aud": "app-1",
            "auth_time": SIGNED_IN,
            "sub": "Qv2k5Z",
            "user_id": "Qv2k5Z",
            "roles": ["operator"],
            "scopes": WORDS,
            "firebase": {"identities": {}, "sign_in_provider": "password"},
            "country": "de",
            "age_verified": 30,
        },
        header={"typ": "JWT"},
    ),
    Provider(
        "Supabase",
        "https://app.supabase.co/auth/v1",
        {
            "aud": "authenticated",
            "sub": "11111111-2222-3333-4444-555555555555",
            "role": "authenticated",
            "aal": "aal1",
            "app_metadata": {
                "provider": "email",
                "roles": ["operator"],
                "scopes": WORDS,
                "country": "de",
                "age_verified": 30,
            },
            "auth_time": SIGNED_IN,
        },
        header={"typ": "JWT"},
        key=ECKey.generate_key("P-256", parameters={"kid": "key"}, private=True),
        algorithm="ES256",
    ),
    Provider(
        "Logto",
        "https://app.logto.app/oidc",
        {
            "aud": "ovation",
            "sub": "foo123",
            "client_id": "app",
            "roles": ["operator"],
            "scope": "audit:read disputes:read",
            "country": "de",
            "age_verified": 30,
            "auth_time": SIGNED_IN,
        },
        header={"typ": "at+jwt"},
        key=ECKey.generate_key("P-384", parameters={"kid": "key"}, private=True),
        algorithm="ES384",
    ),
    Provider(
        "Better Auth",
        "https://app.example",
        {
            "aud": "ovation",
            "sub": "u1",
            "roles": ["operator"],
            "scopes": WORDS,
            "country": "de",
            "age_verified": 30,
            "auth_time": SIGNED_IN,
        },
        key=OKPKey.generate_key("Ed25519", parameters={"kid": "key"}, private=True),
        algorithm="EdDSA",
    ),
]
PROVIDERS = {provider.name: provider for provider in _TRIED}


async def reason(provider, token, **settings):
    with pytest.raises(Unauthenticated) as refused:
        await provider.verifier(**settings).verify(token)
    return refused.value.facts["reason"]


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_an_access_token_of_a_provider_says_who_calls_and_what_they_may_do(name):
    provider = PROVIDERS[name]
    caller = await provider.verifier().verify(provider.token())

    assert caller.user == provider.claims["sub"]
    assert "operator" in caller.roles
    assert caller.scopes >= OPERATOR
    assert (caller.country, caller.age_verified) == ("DE", 30)
    assert caller.auth_time == SIGNED_IN


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_a_token_for_another_application_is_not_ours(name):
    provider = PROVIDERS[name]
    clients = dict.fromkeys(("azp", "client_id", "cid"))
    own = next((claim for claim in clients if claim in provider.claims), None)

    if provider.settings.get("jwt_audience_optional"):
        assert await reason(provider, provider.token(aud="another")) == "wrong-audience"
        assert await reason(provider, provider.token(**{own: "another"})) == "wrong-client"
        assert await reason(provider, provider.token(**{own: None})) == "wrong-client"
    else:
        assert await reason(provider, provider.token(aud="another")) == "wrong-audience"
        assert await reason(provider, provider.token(aud=None)) == "wrong-audience"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Keycloak", {"typ": "ID"}),
        ("Keycloak", {"typ": "Refresh"}),
        ("Keycloak", {"typ": "Offline"}),
        ("Keycloak", {"typ": "Logout"}),
        ("Cognito", {"token_use": "id"}),
        ("Cognito", {"token_use": ["access"]}),
        ("Auth0", {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
    ],
)
async def test_a_token_of_another_kind_is_no_access_token(name, other):
    provider = PROVIDERS[name]

    assert await reason(provider, provider.token(**other)) == "wrong-type"


@pytest.mark.parametrize(
    ("name", "other", "why"),
    [
        ("Keycloak", {"realm_access": ["operator"]}, "bad-roles"),
        ("Keycloak", {"realm_access": "operator"}, "bad-roles"),
        ("Keycloak", {"realm_access": {"roles": {"operator": True}}}, "bad-roles"),
        ("Keycloak", {"realm_access": {"roles": ["operator", 1]}}, "bad-roles"),
        ("Cognito", {"cognito:groups": 7}, "bad-roles"),
        ("Microsoft Entra ID", {"scp": {"audit:read": 1}}, "bad-scope"),
        ("Clerk", {"metadata": {"roles": "operator", "scopes": True}}, "bad-scope"),
    ],
)
async def test_roles_and_scopes_of_an_odd_type_refuse_the_token(name, other, why):
    provider = PROVIDERS[name]

    assert await reason(provider, provider.token(**other)) == why


@pytest.mark.parametrize("missing", [None, {}, {"roles": None}])
async def test_who_has_no_roles_where_they_are_looked_for_is_no_operator(missing):
    """Not even with the usual claim, which nobody guards there."""
    provider = PROVIDERS["Keycloak"]
    token = provider.token(realm_access=missing, roles=["operator"])

    assert (await provider.verifier().verify(token)).roles == set()


async def test_scopes_are_read_from_one_claim_alone_once_it_is_named():
    provider = PROVIDERS["Auth0"]
    token = provider.token(permissions=None, scope="audit:read", scopes=["audit:read"])

    assert (await provider.verifier().verify(token)).scopes == set()


def test_without_an_audience_and_without_clients_nothing_would_be_checked():
    with pytest.raises(ValidationError, match="JWT_CLIENTS"):
        a_service(jwt_audience_optional=True)
    with pytest.raises(ValidationError, match="JWT_CLIENTS"):
        a_service(jwt_audience_optional=True, jwt_clients=" ")


async def test_a_target_token_always_names_its_audience():
    provider = PROVIDERS["Cognito"]
    targeting = replace(provider, claims={"creator": "lea"}, header={"typ": "ovation-target+jwt"})

    with pytest.raises(Unauthenticated) as refused:
        await provider.verifier().verify_target(targeting.token())

    assert refused.value.facts["reason"] == "wrong-audience"


@pytest.mark.parametrize(
    "key",
    [
        ECKey.generate_key("P-521", parameters={"kid": "key"}),
        ECKey.generate_key("secp256k1", parameters={"kid": "key"}),
        OKPKey.generate_key("Ed448", parameters={"kid": "key"}),
        OKPKey.generate_key("X25519", parameters={"kid": "key"}),
    ],
    ids=lambda key: key.curve_name,
)
def test_a_key_on_another_curve_signs_for_nobody(key):
    published = key.as_dict(private=False)
    usable = RSA.as_dict(private=False)

    with pytest.raises(ValueError, match="no key that we can use"):
        usable_keys({"keys": [published]})
    assert isinstance(usable_keys({"keys": [published, usable]}), KeySet)


def test_every_row_of_the_page_is_tried_here():
    _, _, page = PAGE.read_text().partition("| at the provider | settings of Ovation |")
    table, _, _ = page.partition("\n\n")
    named = [line.split(" | ")[0].strip("| ") for line in table.splitlines() if line[:2] == "| "]

    assert named == list(PROVIDERS)
    assert all(
        key in ServiceSettings.model_fields for each in PROVIDERS.values() for key in each.settings
    )
