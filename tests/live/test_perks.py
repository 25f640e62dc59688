"""Perks: unlocked by what was given, used up once a key, withdrawn and restored with the money."""

import pytest

from shared.contracts.gift import GiftRestored
from tests.clients import a_token, client_of, is_replayed
from tests.live.conftest import a_gift_sent, a_reversal, key

PERKS = "/v1/creators/me/perks"
ENTITLEMENTS = "/v1/gifters/me/entitlements"


@pytest.fixture
def offer(lea):
    async def ask(coins=100, **about):
        body = {"kind": "shout_out", "title": "Your name", "threshold_coins": coins, **about}
        answer = await lea.post(PERKS, json=body, headers=key())
        assert answer.status_code == 201, answer.text
        return answer.json()

    return ask


@pytest.fixture
def held(mira):
    async def read():
        return (await mira.get(ENTITLEMENTS)).json()["items"]

    return read


async def test_who_gives_enough_is_entitled_and_only_to_that_creators_perk(
    offer, receive, held, published
):
    perk = await offer(100)
    await offer(101, title="Too much")
    await receive(a_gift_sent(60), a_gift_sent(1_000, creator="otto"))
    assert await held() == []

    await receive(a_gift_sent(40, room="room-2"), a_gift_sent(500, anonymous=True))

    (mine,) = await held()
    assert (mine["perk"], mine["usable"], mine["uses_left"]) == (perk["perk"], True, None)
    (fact,) = await published("live.perk_unlocked")
    assert (fact["entitlement"], fact["revision"]) == (mine["entitlement"], 1)


async def test_who_gave_enough_already_is_entitled_when_a_perk_is_offered(
    offer, receive, held, published
):
    await receive(*(a_gift_sent(100, viewer=viewer) for viewer in ("mira", "ann", "ben")))
    await receive(a_gift_sent(99, viewer="cem"))

    await offer(100)

    assert len(await held()) == 1
    viewers = [fact["viewer"] for fact in await published("live.perk_unlocked")]
    assert sorted(viewers) == ["ann", "ben", "mira"]


async def test_an_unused_claim_goes_with_the_money_and_comes_back_with_it(
    offer, receive, held, lea, published
):
    await offer(100, uses=1)
    gift = a_gift_sent(100)
    await receive(gift)
    await receive(a_reversal(gift, 1, 1))
    (withdrawn,) = await held()
    refused = await lea.post(f"/v1/entitlements/{withdrawn['entitlement']}/use", headers=key())
    await receive(a_reversal(gift, 2, 0, contract=GiftRestored))
    (restored,) = await held()

    assert (withdrawn["withdrawn"], withdrawn["usable"]) == (True, False)
    assert refused.json()["code"] == "perk-withdrawn"
    assert (restored["withdrawn"], restored["usable"]) == (False, True)
    assert [fact["revision"] for fact in await published("live.perk_unlocked")] == [1, 3]
    assert [fact["revision"] for fact in await published("live.perk_withdrawn")] == [2]


async def test_a_used_claim_stays_and_is_used_as_often_as_it_may_be(
    offer, receive, held, lea, otto, mira
):
    await offer(100, uses=2)
    gift = a_gift_sent(100)
    await receive(gift)
    (mine,) = await held()
    address = f"/v1/entitlements/{mine['entitlement']}/use"
    same = key()

    assert (await mira.post(address, headers=key())).status_code == 403
    assert (await otto.post(address, headers=key())).json()["code"] == "not-yours"
    for _ in range(2):
        assert (await lea.post(address, headers=same)).json()["uses_left"] == 1
    await receive(a_reversal(gift, 1, 100))
    assert (await mira.get("/v1/rooms/room-1")).json()["coins"] == 0
    assert (await lea.post(address, headers=key())).json()["uses_left"] == 0
    assert (await lea.post(address, headers=key())).json()["code"] == "used-up"
    assert (await lea.post(address, headers=same)).status_code == 200


async def test_a_changed_perk_is_another_only_for_those_to_come(
    offer, receive, held, lea, published
):
    perk = await offer(100)
    gift = a_gift_sent(100)
    await receive(gift, a_gift_sent(60, viewer="jonas"))
    address = f"{PERKS}/{perk['perk']}"

    dearer = {"kind": "custom", "title": "Your song", "threshold_coins": 1_000}
    await lea.put(address, json=dearer)
    assert [one["threshold_coins"] for one in await held()] == [100]
    await lea.put(address, json={**dearer, "threshold_coins": 50})

    assert {fact["viewer"] for fact in await published("live.perk_unlocked")} == {"mira", "jonas"}
    assert await published("live.perk_withdrawn") == []
    assert (await lea.delete(address)).status_code == 204
    assert (await lea.get(PERKS)).json()["perks"] == []
    await receive(a_gift_sent(100, viewer="ann"))
    assert len(await published("live.perk_unlocked")) == 2
    assert len(await held()) == 1


async def test_claims_are_checked_by_their_creator_and_their_viewer_alone(
    offer, receive, held, lea, otto, mira, app
):
    await offer(10)
    await receive(a_gift_sent(10))
    (mine,) = await held()
    address = f"/v1/entitlements/{mine['entitlement']}"

    for client in (lea, mira):
        assert (await client.get(address)).json() == mine
    async with client_of(app, a_token("jonas")) as jonas:
        for client in (otto, jonas):
            refused = await client.get(address)
            assert (refused.status_code, refused.json()["code"]) == (404, "no-such-entitlement")
    unknown = "/v1/entitlements/00000000-0000-0000-0000-000000000000"
    assert (await lea.get(unknown)).json()["code"] == "no-such-entitlement"


async def test_no_two_pairs_of_creator_and_key_are_one_perk(as_creator):
    """Host applications do have users like `auth0|7`."""
    body = {"kind": "custom", "title": "A song", "threshold_coins": 5}
    one, other = await as_creator("auth0|7"), await as_creator("auth0")

    first = await one.post(PERKS, json=body, headers={"Idempotency-Key": "1"})
    second = await other.post(PERKS, json=body, headers={"Idempotency-Key": "7|1"})

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["perk"] != second.json()["perk"]


async def test_a_perk_is_found_again_by_its_key_and_not_set_again_once_it_is_removed(lea):
    body, same = (
        {"kind": "custom", "title": "A song", "threshold_coins": 100},
        {"Idempotency-Key": "k"},
    )
    first = await lea.post(PERKS, json=body, headers=same)

    again = await lea.post(PERKS, json=body, headers=same)
    assert (again.status_code, again.json()) == (201, first.json())
    assert [is_replayed(first), is_replayed(again)] == [False, True]

    await lea.delete(f"{PERKS}/{first.json()['perk']}")
    assert (await lea.post(PERKS, json=body, headers=same)).json()["code"] == "no-such-perk"


async def test_perks_are_offered_by_creators_under_a_key_and_seen_by_all(lea, mira, otto, offer):
    body = {"kind": "custom", "title": "A song", "threshold_coins": 5}
    same = key()

    first = await lea.post(PERKS, json=body, headers=same)
    again = await lea.post(PERKS, json=body, headers=same)

    assert first.json() == again.json()
    assert (await mira.get("/v1/creators/lea/perks")).json()["perks"] == [first.json()]
    assert (await mira.post(PERKS, json=body, headers=key())).json()["code"] == "creators-only"
    address = f"{PERKS}/{first.json()['perk']}"
    assert (await otto.put(address, json=body)).json()["code"] == "no-such-perk"
    for _ in range(19):
        await offer()
    refused = await lea.post(PERKS, json=body, headers=key())
    assert refused.json()["code"] == "too-many-perks"
