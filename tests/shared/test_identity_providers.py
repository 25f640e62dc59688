"""Tokens of each provider in docs/operations/identity-providers.md, with its settings."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from pydantic import SecretStr, ValidationError

from shared.identity.claims import claim_names
from shared.identity.issuer_keys import usable_keys
from shared.identity.tokens import Unauthenticated
from shared.runtime.service import build_verifier
from shared.runtime.settings import ServiceSettings

PAGE = Path("docs/operations/identity-providers.md")
RSA = RSAKey.generate_key(2048, parameters={"kid": "key"}, private=True)
OPERATOR = {"audit:read", "disputes:read"}
WORDS = sorted(OPERATOR)


@dataclass(frozen=True)
class Provider:
    """A provider's access token, and what an installation sets to take it."""

    issuer: str
    claims: dict[str, object]
    settings: dict[str, object] = field(default_factory=dict)
    header: dict[str, object] = field(default_factory=dict)
    key: object = field(default_factory=lambda: RSA)
    algorithm: str = "RS256"

    def token(self, **other):
        now = int(time.time())
        claims = {"iss": self.issuer, "iat": now, "exp": now + 300, **self.claims, **other}
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": "key", **self.header}
        names = [self.algorithm]
        registry = jwt.JWSRegistry(algorithms=names, strict_check_header=False)
        return jwt.encode(header, claims, self.key, registry=registry)

    def verifier(self, **other):
        settings = a_service(jwt_issuer=self.issuer, **{**self.settings, **other})
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


PROVIDERS = {
    "Keycloak": Provider(
        "https://id.example/realms/app",
        {
            "jti": "onrtac:1",
            "aud": ["ovation", "account"],
            "sub": "f:5f1c:ann",
            "typ": "Bearer",
            "azp": "app",
            "realm_access": {"roles": ["offline_access", "operator"]},
            "resource_access": {"account": {"roles": ["manage-account"]}},
            "scope": "openid audit:read disputes:read",
        },
        {"jwt_roles_claim": "realm_access.roles"},
        {"typ": "JWT"},
    ),
    "Auth0": Provider(
        "https://app.eu.auth0.com/",
        {
            "aud": ["ovation", "https://app.eu.auth0.com/userinfo"],
            "sub": "auth0|507f1f77bcf86cd799439020",
            "azp": "my_client_id",
            "scope": "openid profile",
            "permissions": WORDS,
            "https://coins.example.com/roles": ["operator"],
        },
        {
            "jwt_roles_claim": "https://coins.example.com/roles",
            "jwt_scopes_claim": "permissions",
        },
        {"typ": "at+jwt"},
        algorithm="PS256",
    ),
    "Cognito": Provider(
        "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a1b2",
        {
            "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            "client_id": "5example4",
            "token_use": "access",
            "version": 2,
            "username": "ann",
            "cognito:groups": ["operator", "eu-central-1_a1b2_Google"],
            "scope": "openid audit:read disputes:read",
        },
        {
            "jwt_audience_optional": True,
            "jwt_clients": "5example4",
            "jwt_roles_claim": "cognito:groups",
        },
    ),
    "Clerk": Provider(
        "https://clerk.app.example",
        {
            "sub": "user_2abc",
            "sid": "sess_2abc",
            "azp": "https://app.example",
            "v": 2,
            "fva": [0, -1],
            "metadata": {"roles": ["operator"], "scopes": WORDS},
        },
        {
            "jwt_audience_optional": True,
            "jwt_clients": "https://app.example",
            "jwt_roles_claim": "metadata.roles",
            "jwt_scopes_claim": "metadata.scopes",
        },
        {"typ": "JWT", "cat": "cl_B7d4PD111AAA"},
    ),
    "Microsoft Entra ID": Provider(
        "https://login.microsoftonline.com/9122040d/v2.0",
        {
            "aud": "ovation",
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            "azp": "6cb04018",
            "ver": "2.0",
            "scp": "audit:read disputes:read",
            "roles": ["operator"],
        },
        {"jwt_scopes_claim": "scp"},
        {"typ": "JWT", "x5t": "nbCwW11w3XkB-xUaXwKRSLjMHGQ"},
    ),
    "Okta": Provider(
        "https://app.okta.com/oauth2/default",
        {
            "aud": "ovation",
            "sub": "ann@app.example",
            "cid": "0oa1",
            "ver": 1,
            "scp": WORDS,
            "groups": ["Everyone", "operator"],
        },
        {"jwt_clients": "0oa1", "jwt_roles_claim": "groups", "jwt_scopes_claim": "scp"},
    ),
    "Firebase": Provider(
        "https://securetoken.google.com/app-1",
        {
            "aud": "app-1",
            "auth_time": 1_700_000_000,
            "sub": "Qv2k5Z",
            "user_id": "Qv2k5Z",
            "roles": ["operator"],
            "scopes": WORDS,
            "firebase": {"identities": {}, "sign_in_provider": "password"},
        },
        {"jwt_audience": "app-1"},
        {"typ": "JWT"},
    ),
    "Supabase": Provider(
        "https://app.supabase.co/auth/v1",
        {
            "aud": "authenticated",
            "sub": "11111111-2222-3333-4444-555555555555",
            "role": "authenticated",
            "aal": "aal1",
            "app_metadata": {"provider": "email", "roles": ["operator"], "scopes": WORDS},
        },
        {
            "jwt_audience": "authenticated",
            "jwt_roles_claim": "app_metadata.roles",
            "jwt_scopes_claim": "app_metadata.scopes",
        },
        {"typ": "JWT"},
        ECKey.generate_key("P-256", parameters={"kid": "key"}, private=True),
        "ES256",
    ),
    "Logto": Provider(
        "https://app.logto.app/oidc",
        {
            "aud": "ovation",
            "sub": "foo123",
            "client_id": "app",
            "roles": ["operator"],
            "scope": "audit:read disputes:read",
        },
        {"jwt_clients": "app"},
        {"typ": "at+jwt"},
        ECKey.generate_key("P-384", parameters={"kid": "key"}, private=True),
        "ES384",
    ),
    "Better Auth": Provider(
        "https://app.example",
        {"aud": "ovation", "sub": "u1", "roles": ["operator"], "scopes": WORDS},
        {},
        {},
        OKPKey.generate_key("Ed25519", parameters={"kid": "key"}, private=True),
        "EdDSA",
    ),
}


async def reason(provider, token, **settings):
    with pytest.raises(Unauthenticated) as refused:
        await provider.verifier(**settings).verify(token)
    return refused.value.facts["reason"]


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_an_access_token_of_a_provider_says_who_calls_and_what_they_may_do(name):
    provider = PROVIDERS[name]
    caller = await provider.verifier().verify(provider.token(country="de", age_verified=30))

    assert caller.user == provider.claims["sub"]
    assert "operator" in caller.roles
    assert caller.scopes >= OPERATOR
    assert (caller.country, caller.age_verified) == ("DE", 30)


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


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("roles", ("roles",)),
        ("realm_access.roles", ("realm_access", "roles")),
        (r"resource_access.my\.client.roles", ("resource_access", "my.client", "roles")),
        ("https://coins.example.com/roles", ("https://coins.example.com/roles",)),
        ("cognito:groups", ("cognito:groups",)),
    ],
)
def test_a_setting_leads_to_a_claim(setting, path):
    assert claim_names(roles=setting, scopes=setting).roles == path
    assert a_service(jwt_roles_claim=setting, jwt_scopes_claim=setting).claim_names.scopes == (
        path,
    )


@pytest.mark.parametrize("setting", [".", "roles.", ".roles", "a..b"])
@pytest.mark.parametrize("name", ["jwt_roles_claim", "jwt_scopes_claim"])
def test_a_path_that_leads_nowhere_stops_the_service(name, setting):
    with pytest.raises(ValidationError, match="no path to a claim"):
        a_service(**{name: setting})


def test_without_an_audience_and_without_clients_nothing_would_be_checked():
    with pytest.raises(ValidationError, match="JWT_CLIENTS"):
        a_service(jwt_audience_optional=True)
    with pytest.raises(ValidationError, match="JWT_CLIENTS"):
        a_service(jwt_audience_optional=True, jwt_clients=" ")


async def test_a_target_token_always_names_its_audience():
    provider = PROVIDERS["Cognito"]
    targeting = Provider(provider.issuer, {"creator": "lea"}, header={"typ": "ovation-target+jwt"})

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


def test_the_page_names_every_provider_and_every_setting_of_its_tokens():
    _, _, page = PAGE.read_text().partition("| at the provider | settings of Ovation |")

    for name, provider in PROVIDERS.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| {name} ")]
        for setting, value in provider.settings.items():
            if setting in ("jwt_roles_claim", "jwt_scopes_claim"):
                assert f"OVATION_{setting.upper()}={value}" in row, (name, setting)
            elif setting == "jwt_audience_optional":
                assert "OVATION_JWT_AUDIENCE_OPTIONAL=true" in row, name
