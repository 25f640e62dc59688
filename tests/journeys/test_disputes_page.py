"""Support follows the money of one payment, through the operators' routes alone."""

import pytest

from tests.journeys.people import SCOPES, eventually, stage_on

DISPUTED_CARD = "4000000000000259"


@pytest.fixture
def stage(system):
    with stage_on(system) as opened:
        yield opened


def test_from_a_dispute_to_lots_gifts_creators_and_payouts(stage):
    mira, lea = stage.person("mira", age_verified=30), stage.person("lea", roles=["creator"])
    disputes_page = stage.person("ops", roles=["operator"], scopes=[*SCOPES, "disputes:read"])
    purchase = stage.buy(mira, "coins_500", card=DISPUTED_CARD)
    gifts = [stage.give(mira, lea.user, "g_drum").json()["gift"] for _ in range(3)]

    def disputed():
        found = disputes_page.get("/v1/operator/purchase/disputes")["items"]
        return [one for one in found if one["viewer"] == mira.user]

    (dispute,) = eventually(disputed)
    assert (dispute["purchase"], dispute["state"]) == (purchase, "open")
    of_purchase = f"{mira.user}/{purchase}"
    assert disputes_page.get(f"/v1/operator/purchases/{of_purchase}")["amount_minor"] == 499

    path = f"/v1/operator/wallets/{mira.user}/purchases/{purchase}/gifts"
    first = disputes_page.get(path, limit=2)
    rest = disputes_page.get(path, limit=2, cursor=first["next_cursor"])
    paid = first["items"] + rest["items"]
    assert [one["gift"] for one in paid] == gifts[::-1]
    assert {one["coins"] for one in paid} == {30}
    assert rest["next_cursor"] is None

    sent = disputes_page.get("/v1/operator/gift/sent", viewer=mira.user, gift=gifts)["items"]
    assert {one["creator"] for one in sent} == {lea.user}
    earnings = f"/v1/operator/payouts/{lea.user}/earnings"
    eventually(
        lambda: all(
            one["reversed_diamonds"] == 30
            for one in disputes_page.get(earnings, gift=gifts)["items"]
        )
    )
    assert len(disputes_page.get(earnings, gift=gifts[:2])["items"]) == 2
    assert disputes_page.get(f"/v1/operator/payouts/{lea.user}")["items"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/operator/purchase/disputes",
        "/v1/operator/purchases/mira/{id}",
        "/v1/operator/wallets/mira/purchases/{id}/gifts",
        "/v1/operator/gift/sent?viewer=mira&gift={id}",
        "/v1/operator/payouts",
        "/v1/operator/payouts/lea",
        "/v1/operator/payouts/lea/earnings?gift={id}",
    ],
)
def test_nobody_without_the_scope_sees_any_of_it(stage, path):
    nobody = stage.person("curious", roles=["operator"], scopes=["books:read"])
    address = path.format(id="00000000-0000-4000-8000-000000000000")

    answer = nobody._http.get(address)  # noqa: SLF001 - a refusal is what is looked for

    assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing")
