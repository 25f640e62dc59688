"""A Tencent live room in front of everything: a gift is paid before it is shown, or not shown."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from deploy.config.environment import ROOT, TENCENT_SDK_APP_ID
from deploy.harness.system import System
from tests.journeys.people import eventually, stage_on


@pytest.fixture(scope="module")
def own_system(tmp_path_factory):
    """
    A system whose operator lets people of unknown age give: Tencent does not say any.

    On servers of its own: another system's services would decide what it asks by their rules.
    """
    rules = (ROOT / "seeds" / "rules.toml").read_text()
    file = tmp_path_factory.mktemp("seeds") / "rules.toml"
    file.write_text(rules.replace("[age]", '[age]\nunknown_to_give = "allow"'))
    settings = {"GIFT_RULES_FILE": str(file), "WALLET_RULES_FILE": str(file)}
    with System(fast=True, settings=settings) as system:
        yield system


@pytest.fixture
def stage(own_system):
    with stage_on(own_system) as stage:
        yield stage


@pytest.fixture
def ask(stage):
    def call(viewer, creator, *, room, at=1_703_589_922):
        asked = str(int(time.time()))
        sign = hashlib.sha256(f"{stage.system.secrets.tencent_token}{asked}".encode()).hexdigest()
        water = {
            "From_Account": viewer,
            "To_Account": [creator],
            "Time": at,
            "GiftId": "g_glowbug",
            "Count": 4,
            "Coins": 10,
        }
        answer = httpx.post(
            f"{stage.url}/v1/callbacks/tencent",
            params={
                "SdkAppid": TENCENT_SDK_APP_ID,
                "CallbackCommand": "Live.CallbackBeforeSendGift",
                "Sign": sign,
                "RequestTime": asked,
            },
            json={
                "CallbackCommand": "Live.CallbackBeforeSendGift",
                "Operator_Account": viewer,
                "RoomId": room,
                "GiftWater": water,
            },
            timeout=5,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["ErrorCode"]

    return call


def test_a_gift_with_coins_is_shown_once_paid_and_one_without_is_blocked(stage, ask):
    mira = stage.person("mira", country="DE", age_verified=30)
    lea = stage.person("lea", country="FR", age_verified=30)
    room = f"room-{uuid4().hex[:6]}"
    assert ask(mira.user, lea.user, room=room) == 102114
    stage.open_room(lea.user, room)
    assert ask(mira.user, "mallory", room=room) == 102115
    assert ask(mira.user, lea.user, room=room) == 102101
    stage.buy(mira)

    def coins():
        return mira.get("/v1/wallets/me")["coins"]

    # What was blocked stays blocked, two seconds later for another reason.
    assert ask(mira.user, lea.user, room=room) in (102101, 102110)
    with ThreadPoolExecutor(5) as servers:
        codes = list(
            servers.map(lambda _: ask(mira.user, lea.user, room=room, at=1_703_589_923), range(5))
        )
    assert [*codes, ask(mira.user, lea.user, room=room, at=1_703_589_923)] == [0] * 6
    assert coins() == 60
    assert ask(mira.user, lea.user, room=room, at=1_703_589_924) == 0
    assert ask(mira.user, lea.user, room=room, at=1_703_589_925) == 102101
    assert coins() == 20
    eventually(lambda: mira.get(f"/v1/rooms/{room}")["coins"] == 80)
