"""A token's signature is verified once, and its rules each time."""

import time

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from shared.identity import rules, tokens, verified_tokens
from shared.identity.issuers import Issuer
from shared.identity.tokens import TARGET_TYPE, Unauthenticated, Verifier
from shared.identity.verified_tokens import KEPT_SECONDS_MAX, TOKENS_MAX, VerifiedTokens
from tests.clients import AUDIENCE, ISSUER, a_token, a_verifier, signing_key


@pytest.fixture
def signatures(monkeypatch):
    """Counts the signatures that are verified."""
    verified = []
    real = tokens.decode
    monkeypatch.setattr(
        "shared.identity.tokens.decode", lambda *asked: verified.append(asked[0]) or real(*asked)
    )
    return verified


@pytest.fixture
def clock(monkeypatch):
    """Moves both clocks."""
    moved = [0.0]
    wall, monotonic = time.time, time.monotonic
    monkeypatch.setattr("time.time", lambda: wall() + moved[0])
    monkeypatch.setattr("time.monotonic", lambda: monotonic() + moved[0])

    def advance(seconds):
        moved[0] += seconds

    return advance


async def reason(verifier, token):
    with pytest.raises(Unauthenticated) as refused:
        await verifier.verify(token)
    return refused.value.facts["reason"]


def kept(verifier):
    return len(verifier._verified)  # noqa: SLF001 - what memory is bounded by


async def test_a_signature_is_verified_once_for_all_requests_of_a_caller(signatures):
    verifier, token = a_verifier(), a_token(scope="a b", country="DE")

    found = [await verifier.verify(token) for _ in range(3)]

    assert found[0] == found[1] == found[2]
    assert found[2].scopes == {"a", "b"}
    assert signatures == [token]


async def test_a_token_that_was_verified_expires_all_the_same(signatures, clock):
    verifier, token = a_verifier(), a_token(exp=int(time.time()) + 60)
    await verifier.verify(token)

    clock(60 + rules.LEEWAY_SECONDS - 2)
    assert (await verifier.verify(token)).user == "mira"
    clock(4)

    assert await reason(verifier, token) == "expired"
    # The first time, and when it was no longer kept.
    assert len(signatures) == 2


async def test_a_signature_is_verified_again_after_a_while_however_often_it_is_used(
    signatures, clock
):
    verifier, token = a_verifier(), a_token()
    for _ in range(3):
        await verifier.verify(token)
        clock(KEPT_SECONDS_MAX / 2 + 1)

    assert len(signatures) == 2


async def test_a_token_of_a_withdrawn_key_is_refused_as_soon_as_the_keys_change(signatures):
    verifier, token = a_verifier(), a_token()
    await verifier.verify(token)
    other = RSAKey.generate_key(2048, parameters={"kid": "new"}, private=True)

    verifier._trust(a_verifier(other)._keys)  # noqa: SLF001 - as a fetch of the keys does

    assert kept(verifier) == 0
    assert await reason(verifier, token) == "unknown-key"


async def test_a_key_of_the_same_name_is_not_the_same_key():
    verifier, token = a_verifier(), a_token()
    await verifier.verify(token)
    other = RSAKey.generate_key(2048, parameters={"kid": "test"}, private=True)

    verifier._trust(a_verifier(other)._keys)  # noqa: SLF001 - as a fetch of the keys does

    assert await reason(verifier, token) == "bad-signature"


@pytest.mark.parametrize(
    "claims", [{"aud": "others"}, {"exp": 5}, {"country": 3}, {"iss": "https://else.example"}]
)
async def test_a_refused_token_is_not_kept(claims):
    verifier = a_verifier()
    await reason(verifier, a_token(**claims))
    await reason(verifier, a_token(key=RSAKey.generate_key(2048, private=True)))

    assert kept(verifier) == 0


async def test_each_verifier_has_rules_of_its_own():
    token = a_token(azp="app")
    await a_verifier().verify(token)
    issuer = Issuer(ISSUER, AUDIENCE, jwks_url=None, clients=frozenset(("other",)))
    strict = Verifier(issuer, keys=a_verifier()._keys)  # noqa: SLF001 - the same keys

    assert await reason(strict, token) == "wrong-client"


async def test_a_callers_token_that_was_verified_names_no_target():
    verifier, token = a_verifier(), a_token()
    await verifier.verify(token)

    with pytest.raises(Unauthenticated, match="token"):
        await verifier.verify_target(token)


async def test_a_target_token_that_was_verified_identifies_no_caller(signatures):
    verifier = a_verifier()
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "mira", "exp": int(time.time()) + 60}
    token = jwt.encode({"alg": "RS256", "kid": "test", "typ": TARGET_TYPE}, claims, signing_key())

    for _ in range(2):
        assert (await verifier.verify_target(token))["sub"] == "mira"
    assert signatures == [token]
    assert await reason(verifier, token) == "wrong-type"


async def test_a_long_token_is_verified_each_time(signatures):
    verifier, token = a_verifier(), a_token(padding="x" * verified_tokens.TOKEN_BYTES_MAX)

    for _ in range(2):
        await verifier.verify(token)

    assert len(signatures) == 2
    assert kept(verifier) == 0


def test_the_oldest_token_makes_room():
    verified = VerifiedTokens()
    for number in range(TOKENS_MAX + 5):
        verified.keep("jwt", f"token-{number}", {"sub": str(number)}, seconds=60)

    assert len(verified) == TOKENS_MAX
    assert verified.find("jwt", "token-4") is None
    assert verified.find("jwt", "token-5") == {"sub": "5"}
    assert verified.find("other", "token-5") is None
