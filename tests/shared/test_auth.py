"""Who calls: which tokens are believed, and what their holders may touch."""

import asyncio
import base64
import hmac
import json
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from shared.http import build_app
from shared.http.auth import Caller, require_own, require_scope
from shared.identity.tokens import IssuerUnavailable, Unauthenticated, Verifier
from tests.clients import AUDIENCE, ISSUER, a_token, a_verifier, client_of, signing_key


def a_key(kid):
    return RSAKey.generate_key(2048, parameters={"kid": kid}, private=True)


class Issuer:
    """Publishes keys and counts how often it is asked."""

    def __init__(self, *keys):
        self.keys = [key.as_dict(private=False) for key in keys]
        self.asked = 0
        self.away = False
        self.answering = asyncio.Event()
        self.answering.set()

    async def answer(self, _url):
        self.asked += 1
        await self.answering.wait()
        if self.away:
            raise ConnectionRefusedError("away")
        return json.dumps({"keys": self.keys})


@pytest.fixture
def issuer(monkeypatch):
    issuer = Issuer(signing_key())
    monkeypatch.setattr("shared.identity.tokens.fetch", issuer.answer)
    return issuer


@pytest.fixture
def clock(monkeypatch):
    """Moves the verifier's monotonic clock; tokens keep the real time."""
    moved = [0.0]
    real = time.monotonic
    monkeypatch.setattr("shared.identity.tokens.time.monotonic", lambda: real() + moved[0])

    def advance(seconds):
        moved[0] += seconds

    return advance


@pytest.fixture
def verifier():
    return Verifier(issuer=ISSUER, audience=AUDIENCE, jwks_url="http://issuer/keys")


async def reason(token, verifier=None):
    with pytest.raises(Unauthenticated) as refused:
        await (verifier or a_verifier()).verify(token)
    return refused.value.facts["reason"]


def claims_of(user):
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": user, "exp": int(time.time()) + 600}


def a_token_under(kid, key):
    named = {"alg": "RS256", "kid": kid} if kid else {"alg": "RS256"}
    return jwt.encode(named, claims_of("mira"), key)


def a_token_with(header):
    known = {"alg": "RS256", "kid": "test"}
    lenient = jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False)
    lenient.max_header_length = 8_192
    # As a stranger would sign it: what our library refuses to write has to be refused when read.
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({**known, **header}, claims_of("mira"))
    ]
    signed = b".".join(parts)
    signature = lenient.get_alg("RS256").sign(signed, signing_key())
    return b".".join([signed, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def unsigned(header, claims):
    parts = (json.dumps(part).encode() for part in (header, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


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
        ({"exp": time.time() - 60}, "expired"),
        ({"exp": None}, "malformed"),
        ({"exp": True}, "malformed"),
        ({"exp": float("nan")}, "malformed"),
        ({"exp": "tomorrow"}, "malformed"),
        ({"nbf": time.time() + 3_600}, "not-yet-valid"),
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
        ({"iat": time.time() + 3_600}, "not-yet-valid"),
        ({"roles": {"operator": True}}, "bad-roles"),
        ({"roles": ["operator", 7]}, "bad-roles"),
        ({"roles": True}, "bad-roles"),
        ({"scope": 7}, "bad-scope"),
        ({"scope": {"books:read": True}}, "bad-scope"),
        ({"scopes": ["books:read", None]}, "bad-scope"),
    ],
)
async def test_a_signed_token_with_wrong_claims_is_refused(claims, why):
    assert await reason(a_token(**claims)) == why


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


async def test_keys_are_fetched_once_for_many_callers(issuer, verifier):
    issuer.answering.clear()
    callers = [asyncio.create_task(verifier.verify(a_token())) for _ in range(20)]
    await asyncio.sleep(0.01)
    issuer.answering.set()

    assert {caller.user for caller in await asyncio.gather(*callers)} == {"mira"}
    assert issuer.asked == 1


async def test_an_unknown_key_is_looked_for_once_however_many_are_forged(issuer, verifier, clock):
    await verifier.refresh()
    forged = a_token_under("forged", a_key("forged"))

    assert {await reason(forged, verifier) for _ in range(50)} == {"unknown-key"}
    assert issuer.asked == 2

    clock(11)
    await reason(forged, verifier)
    assert issuer.asked == 3


async def test_a_new_key_is_believed_as_soon_as_a_token_names_it(issuer, verifier):
    await verifier.refresh()
    new = a_key("new")
    issuer.keys = [new.as_dict(private=False)]

    assert (await verifier.verify(a_token_under("new", new))).user == "mira"
    assert issuer.asked == 2


async def test_old_and_new_tokens_are_believed_as_long_as_both_keys_are_published(issuer, verifier):
    await verifier.refresh()
    new = a_key("new")
    issuer.keys.append(new.as_dict(private=False))

    assert (await verifier.verify(a_token_under("new", new))).user == "mira"
    assert (await verifier.verify(a_token())).user == "mira"


async def test_a_key_that_was_taken_out_opens_nothing_once_others_were_fetched(
    issuer, verifier, clock
):
    await verifier.refresh()
    issuer.keys = [a_key("new").as_dict(private=False)]
    clock(301)

    # Nobody waits for keys that are renewed: this one is still believed, and starts it.
    assert (await verifier.verify(a_token())).user == "mira"
    await asyncio.sleep(0.05)

    assert await reason(a_token(), verifier) == "unknown-key"


@pytest.mark.parametrize("left", [[], [{"kty": "oct", "k": "c2VjcmV0", "kid": "test"}]])
async def test_an_issuer_that_has_withdrawn_all_its_keys_is_believed(issuer, verifier, clock, left):
    await verifier.refresh()
    kept, issuer.keys = issuer.keys, left
    clock(301)
    assert (await verifier.verify(a_token())).user == "mira"
    await asyncio.sleep(0.05)

    with pytest.raises(IssuerUnavailable):
        await verifier.verify(a_token())
    issuer.keys = kept
    clock(2)
    assert (await verifier.verify(a_token())).user == "mira"


async def test_old_keys_work_while_the_issuer_answers_with_something_else(issuer, verifier, clock):
    await verifier.refresh()
    issuer.keys = {"error": "maintenance"}
    clock(301)

    assert (await verifier.verify(a_token())).user == "mira"
    await asyncio.sleep(0.05)
    assert (await verifier.verify(a_token())).user == "mira"


async def test_old_keys_work_while_the_issuer_is_away(issuer, verifier, clock):
    await verifier.refresh()
    issuer.away = True
    clock(301)

    assert (await verifier.verify(a_token())).user == "mira"
    await asyncio.sleep(0.01)
    assert (await verifier.verify(a_token())).user == "mira"
    assert issuer.asked == 2


async def test_nobody_waits_for_keys_that_are_renewed(issuer, verifier, clock):
    await verifier.refresh()
    issuer.answering.clear()
    clock(301)

    caller = await asyncio.wait_for(verifier.verify(a_token()), 60)

    assert caller.user == "mira"
    issuer.answering.set()
    await asyncio.sleep(0.01)
    assert issuer.asked == 2


async def test_without_any_keys_nobody_is_refused_for_good(issuer, verifier):
    issuer.away = True
    for _ in range(10):
        with pytest.raises(IssuerUnavailable):
            await verifier.verify(a_token())
    assert issuer.asked == 1


async def test_one_odd_published_key_does_not_cost_us_the_others(issuer, verifier):
    issuer.keys = [{"kty": "RSA"}, "odd", {"kty": "OKP", "crv": "x"}, *issuer.keys]

    assert (await verifier.verify(a_token())).user == "mira"


async def test_keys_of_two_types_may_have_one_name(issuer, verifier):
    """https://www.rfc-editor.org/rfc/rfc7517#section-4.5 says so itself."""
    curved = ECKey.generate_key("P-256", parameters={"kid": "test"}, private=True)
    issuer.keys.append(curved.as_dict(private=False))

    assert (await verifier.verify(a_token(key=curved, algorithm="ES256"))).user == "mira"
    assert (await verifier.verify(a_token())).user == "mira"


async def test_each_key_of_a_name_may_have_signed(issuer, verifier):
    """As while a host replaces a key that it always calls the same."""
    new = a_key("test")
    issuer.keys.append(new.as_dict(private=False))

    assert (await verifier.verify(a_token(key=new))).user == "mira"
    assert (await verifier.verify(a_token())).user == "mira"
    assert await reason(a_token(key=a_key("test")), verifier) == "bad-signature"


async def test_a_token_that_names_no_key_is_checked_with_each(issuer, verifier):
    issuer.keys.append(a_key("new").as_dict(private=False))

    assert (await verifier.verify(a_token_under(None, signing_key()))).user == "mira"
    newest = a_key("newest")
    issuer.keys.append(newest.as_dict(private=False))
    assert (await verifier.verify(a_token_under(None, newest))).user == "mira"
    assert await reason(a_token_under(None, a_key("other")), verifier) == "unknown-key"


async def test_a_key_is_used_for_its_own_algorithm_only(issuer, verifier):
    issuer.keys = [{**key, "alg": "PS256"} for key in issuer.keys]
    issuer.keys.append(a_key("other").as_dict(private=False))

    assert await reason(a_token(), verifier) == "unknown-key"


async def test_a_key_that_is_published_with_its_private_part_opens_nothing(issuer, verifier):
    everybodys = a_key("everybody's")
    issuer.keys.append(everybodys.as_dict(private=True))

    assert await reason(a_token_under("everybody's", everybodys), verifier) == "unknown-key"
    assert (await verifier.verify(a_token())).user == "mira"


async def test_keys_given_for_good_never_ask_anyone(issuer, clock):
    keys = KeySet([signing_key()])
    offline = Verifier.with_keys(issuer=ISSUER, audience=AUDIENCE, keys=keys)
    clock(100_000)

    assert (await offline.verify(a_token())).user == "mira"
    assert await reason(a_token_under("other", a_key("other")), offline) == "unknown-key"
    assert issuer.asked == 0


@pytest.fixture
async def client():
    app = build_app(title="Shop", description="Sells.", verifier=a_verifier(), database=None)

    @app.get("/v1/wallets/{user}")
    async def read(user: str, caller: Caller) -> str:
        require_own(caller, user)
        return caller.user

    @app.get("/v1/operator/books")
    async def books(caller: Caller) -> str:
        require_scope(caller, "books:read")
        return caller.user

    async with client_of(app) as client:
        yield client


async def get(client, path, authorization=None):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await client.get(path, headers=headers)
    return answer.status_code, answer.json()


async def test_one_s_own_is_read_and_somebody_else_s_is_not(client):
    token = f"bEaReR {a_token('mira')}"

    assert await get(client, "/v1/wallets/mira", token) == (200, "mira")
    status, problem = await get(client, "/v1/wallets/nils", token)
    assert (status, problem["type"]) == (403, "not-yours")


@pytest.mark.parametrize(
    ("authorization", "why"),
    [(None, "missing"), ("Basic bTpt", "malformed"), ("Bearer", "malformed"), ("x", "malformed")],
)
async def test_without_a_bearer_token_nobody_is_anybody(client, authorization, why):
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = await client.get("/v1/wallets/mira", headers=headers)

    assert (answer.status_code, answer.json()["reason"]) == (401, why)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "spelt",
    ["Bearer  {}", "Bearer\t{}", "Bearer {} ", "Bearer {} x", "Bearer {},", "Bearer %20{}", " {}"],
)
async def test_a_token_has_one_spelling_or_each_would_be_another_caller(client, spelt):
    status, problem = await get(client, "/v1/wallets/mira", spelt.format(a_token("mira")))

    assert (status, problem["type"], problem["reason"]) == (401, "unauthenticated", "malformed")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"roles": ["operator"], "scope": "books:read"}, 200),
        ({"roles": ["operator"], "scope": "books:reader"}, 403),
        ({"roles": ["viewer"], "scope": "books:read"}, 403),
        ({"roles": "operators", "scope": "books:read"}, 403),
    ],
)
async def test_operators_need_the_role_and_the_scope(client, claims, expected):
    status, _ = await get(client, "/v1/operator/books", f"Bearer {a_token('ops', **claims)}")

    assert status == expected


async def test_the_description_says_which_routes_want_a_token(client):
    document = (await client.get("/openapi.json")).json()

    assert document["paths"]["/v1/operator/books"]["get"]["security"] == [{"bearer": []}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


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
        ({"iat": time.time() + 400_000_000}, "not-yet-valid"),
        ({"exp": time.time() + 100 * 365 * 86_400}, "lives-too-long"),
        ({"iat": None, "exp": time.time() + 2 * 86_400}, "lives-too-long"),
        ({"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}, "bound-token"),
        ({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, "wrong-type"),
        ({"sub": "team/7"}, "unaddressable-subject"),
        ({"sub": "https://id.example/u/7"}, "unaddressable-subject"),
        ({"sub": "team\\7"}, "unaddressable-subject"),
        ({"sub": "."}, "unaddressable-subject"),
        ({"sub": ".."}, "unaddressable-subject"),
        ({"sub": " "}, "unaddressable-subject"),
        ({"sub": "me"}, "unaddressable-subject"),
    ],
)
async def test_a_token_that_says_what_it_must_not_is_refused(claims, why):
    assert await reason(a_token(**claims)) == why


@pytest.mark.parametrize("claim", ["azp", "client_id"])
async def test_where_clients_are_named_another_clients_token_is_refused(claim):
    keys = KeySet([signing_key()])
    verifier = Verifier(
        issuer=ISSUER, audience=AUDIENCE, jwks_url=None, keys=keys, clients=["app", "tv"]
    )

    assert (await verifier.verify(a_token(**{claim: "tv"}))).user == "mira"
    assert await reason(a_token(**{claim: "other"}), verifier) == "wrong-client"
    assert await reason(a_token(), verifier) == "wrong-client"


@pytest.mark.filterwarnings("ignore:Key size should be")
async def test_a_key_that_can_be_broken_is_not_used(issuer, verifier):
    weak = RSAKey.generate_key(1024, parameters={"kid": "weak"}, private=True)
    issuer.keys.append(weak.as_dict(private=False))

    assert await reason(a_token_under("weak", weak), verifier) == "unknown-key"
    assert (await verifier.verify(a_token())).user == "mira"


async def test_keys_that_were_not_seen_for_an_hour_are_trusted_no_more(issuer, verifier, clock):
    assert await verifier.verify(a_token())
    issuer.away = True
    clock(3_599)
    assert await verifier.verify(a_token())
    clock(60)

    with pytest.raises(IssuerUnavailable):
        await verifier.verify(a_token())
    issuer.away = False
    clock(2)
    assert await verifier.verify(a_token())


CLAIMS = ("sub", "roles", "scope", "scopes", "country", "age_verified", "iat", "nbf", "azp", "cnf")
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
