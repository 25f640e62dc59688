"""The keys of an issuer: fetched, cached, replaced, and gone."""

import asyncio
import json
import time

import pytest
from joserfc.jwk import ECKey, KeySet, RSAKey

from shared.identity.issuers import Issuer
from shared.identity.tokens import IssuerUnavailable, Verifier
from tests.clients import AUDIENCE, ISSUER, a_token, signing_key
from tests.shared.tokens import a_key, a_token_under, reason


class PublishingIssuer:
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
    issuer = PublishingIssuer(signing_key())
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
    return Verifier(Issuer(ISSUER, AUDIENCE, jwks_url="http://issuer/keys"))


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
    offline = Verifier(Issuer(ISSUER, AUDIENCE, jwks_url=None), keys=keys)
    clock(100_000)

    assert (await offline.verify(a_token())).user == "mira"
    assert await reason(a_token_under("other", a_key("other")), offline) == "unknown-key"
    assert issuer.asked == 0


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
