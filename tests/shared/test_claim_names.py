"""Claims are read where an installation's settings say, and nowhere else."""

import pytest
from joserfc.jwk import KeySet
from pydantic import ValidationError

from shared.identity.claims import claim_names
from shared.identity.issuers import Issuer
from shared.identity.tokens import Verifier
from shared.runtime.settings import ServiceSettings
from tests.clients import AUDIENCE, ISSUER, a_token, signing_key
from tests.shared.test_settings import A_SERVICE
from tests.shared.tokens import reason

USUAL = {"country": "DE", "age_verified": 40, "ip_country": "DE", "account_created_at": 1}


def a_verifier(names):
    return Verifier(
        Issuer(ISSUER, AUDIENCE, jwks_url=None, names=names), keys=KeySet([signing_key()])
    )


def within(place, value):
    for name in reversed(place):
        value = {name: value}
    return value


@pytest.mark.parametrize(
    ("claim", "setting", "place", "value", "read"),
    [
        ("country", "https://coins.example.com/country", None, "at", "AT"),
        ("country", "address.country", ("address", "country"), "at", "AT"),
        ("age", "custom:age", None, 30, 30),
        ("ip_country", r"geo\.ip.country", ("geo.ip", "country"), "CH", "CH"),
        ("account_created_at", "account.created", ("account", "created"), 7, 7),
        ("auth_time", "session.began", ("session", "began"), 9, 9),
    ],
)
async def test_a_claim_is_read_where_its_setting_says(claim, setting, place, value, read):
    place = place or (setting,)
    verifier = a_verifier(claim_names(**{claim: setting}))
    field = {"age": "age_verified"}.get(claim, claim)

    async def found(said):
        token = a_token(**{**USUAL, **within(place, said)})
        return getattr(await verifier.verify(token), field)

    assert await found(value) == read
    assert await found(None) is None
    for odd in ([value], {"at": value}, "", True):
        token = a_token(**{**USUAL, **within(place, odd)})
        assert (await reason(token, verifier)).startswith("bad-")


@pytest.mark.parametrize("outer", ["text", 7, ["country"], True])
async def test_what_should_hold_a_claim_and_cannot_refuses_the_token(outer):
    verifier = a_verifier(claim_names(country="address.country"))

    assert await reason(a_token(address=outer), verifier) == "bad-country"
    assert (await verifier.verify(a_token(address=None))).country is None


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
    settings = ServiceSettings(**A_SERVICE, jwt_roles_claim=setting, jwt_scopes_claim=setting)

    assert settings.claim_names.roles == path
    assert settings.claim_names.scopes == (path,)
    assert settings.issuers[0].names == settings.claim_names


@pytest.mark.parametrize("setting", [".", "roles.", ".roles", "a..b"])
@pytest.mark.parametrize(
    "name", [name for name in ServiceSettings.model_fields if name.endswith("_claim")]
)
def test_a_path_that_leads_nowhere_stops_the_service(name, setting):
    with pytest.raises(ValidationError, match="no path to a claim"):
        ServiceSettings(**A_SERVICE, **{name: setting})
