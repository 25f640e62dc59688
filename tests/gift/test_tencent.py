"""Tencent's servers ask before a gift is shown: it is paid once and shown, or blocked and free."""

import asyncio
import hashlib
import time

import pytest

from services.gift.api import tencent as tencent_api
from services.gift.api.tencent import CODES, WAIT_SECONDS, TencentAccount
from services.gift.main import build_http
from shared.identity.ages import AgeRule, AgeUnknown
from shared.postgres.database import Database
from shared.postgres.statements import text
from tests.clients import a_verifier, an_operator_token, client_of
from tests.deliveries import announced
from tests.gift.conftest import paid, refused

TOKEN = "xxxxyyyy"
APP = "1400000000"
PASSED = {"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0}


@pytest.fixture
def app(database, catalogue_cache, pending_replies):
    account = TencentAccount(TOKEN, APP)
    # Tencent says no ages: its operator lets people of unknown age give, or nobody can.
    ages = AgeRule(unknown_allowed=True)
    return build_http(
        database,
        a_verifier(),
        catalogue_cache,
        pending_replies,
        account,
        anybody_may_receive=True,
        ages=ages,
    )


@pytest.fixture
def tencent(app):
    """Ask as Tencent does; `water` and `query` are what is different this time."""

    async def call(*, body=None, query=None, **water):
        asked = str(int(time.time()))
        known = {
            "SdkAppid": APP,
            "CallbackCommand": "Live.CallbackBeforeSendGift",
            "contenttype": "json",
            "ClientIP": "127.0.0.1",
            "OptPlatform": "iOS",
            "RequestTime": asked,
            "Sign": signed(asked),
        }
        async with client_of(app) as client:
            return await client.post(
                "/v1/callbacks/tencent",
                params={**known, **(query or {})},
                **({"content": body} if body is not None else {"json": a_callback(**water)}),
            )

    return call


def signed(request_time, token=TOKEN):
    return hashlib.sha256(f"{token}{request_time}".encode()).hexdigest()


def a_callback(**water):
    known = {
        "From_Account": "mira",
        "To_Account": ["lea"],
        "Time": 1_703_589_922,
        "GiftId": "g_tea",
        "Count": 1,
        "Coins": 5,
    }
    return {
        "CallbackCommand": "Live.CallbackBeforeSendGift",
        "Operator_Account": "mira",
        "RoomId": "room-1",
        "GiftWater": {**known, **water},
    }


@pytest.fixture
def wallet_decides(database, wallet_says, monkeypatch):
    """
    Let the wallet decide all gifts, until the block ends.

    It is waited for as long as a busy machine takes, and what it decided is new for as long.
    """
    monkeypatch.setattr(tencent_api, "WAIT_SECONDS", 60.0)
    monkeypatch.setattr(tencent_api, "REPEAT_SECONDS", 60.0)

    class Wallet:
        def __init__(self, outcome):
            self.outcome, self.decided = outcome, set()

        async def __aenter__(self):
            self.task = asyncio.create_task(self.decide())
            return self

        async def __aexit__(self, *_):
            self.task.cancel()

        async def decide(self):
            while True:
                for asked in await announced(database, "gift.requested"):
                    if asked["gift"] not in self.decided:
                        self.decided.add(asked["gift"])
                        outcome = self.outcome(asked)
                        await wallet_says(
                            outcome(asked["gift"], viewer=asked["viewer"], coins=asked["coins"])
                        )
                await asyncio.sleep(0.01)

    return Wallet


def pays(_):
    return paid


def refuses(_):
    return refused


def test_the_signature_is_the_one_of_their_documentation():
    """The example of https://trtc.io/document/64412."""
    account = TencentAccount("xxxxyyyy", APP)
    sign = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"

    for now, fresh in ((1_669_872_112, True), (1_669_872_172, True), (1_669_872_173, False)):
        about = {"sdk_app_id": APP, "sign": sign, "request_time": "1669872112", "now": now}
        assert account.vouches_for(**about) is fresh


async def test_a_gift_that_is_paid_is_shown(tencent, wallet_decides, database):
    async with wallet_decides(pays):
        answer = await tencent()

    assert (answer.status_code, answer.json()) == (200, PASSED)
    (sent,) = await announced(database, "gift.sent")
    assert (sent["viewer"], sent["creator"], sent["room"]) == ("mira", "lea", "room-1")
    assert (sent["coins"], sent["mode"], sent["repeat_count"]) == (5, "streak", 1)


async def test_a_gift_without_coins_is_blocked_with_the_reason(tencent, wallet_decides, database):
    async with wallet_decides(refuses):
        for _ in range(2):
            answer = await tencent()
            assert answer.status_code == 200
            assert answer.json() == {
                "ActionStatus": "FAIL",
                "ErrorInfo": "The wallet holds fewer coins than the gift costs.",
                "ErrorCode": 102101,
            }

    assert len(await announced(database, "gift.requested")) == 1
    assert await announced(database, "gift.sent") == []


async def test_the_same_callback_is_one_charge_however_often_it_comes(
    tencent, wallet_decides, database
):
    """Five at once, and one just after: nothing in them says that they are repeats."""
    async with wallet_decides(pays):
        answers = await asyncio.gather(*(tencent() for _ in range(5)))
        answers.append(await tencent())

    assert [answer.json() for answer in answers] == [PASSED] * 6
    assert len(await announced(database, "gift.requested")) == 1
    assert len(await announced(database, "gift.sent")) == 1


@pytest.mark.parametrize(("seconds", "code"), [(0, 0), (60, 102110)], ids=["at-once", "late"])
async def test_what_was_paid_is_not_shown_again_later(
    tencent, wallet_decides, database, seconds, code
):
    async with wallet_decides(pays):
        await tencent()
        async with database.part_for("mira").transaction() as tx:
            earlier = text(
                "UPDATE gifts SET decided_at = decided_at - make_interval(secs => :seconds)"
            )
            await tx.execute(earlier, {"seconds": seconds})

        again = await asyncio.gather(*(tencent() for _ in range(3)))

    assert [answer.json()["ErrorCode"] for answer in again] == [code] * 3
    assert len(await announced(database, "gift.sent")) == 1


@pytest.mark.parametrize(
    "other", [{"Time": 1_703_589_923}, {"Count": 2}, {"To_Account": ["ida"]}, {"GiftId": "g_boat"}]
)
async def test_another_gift_is_another_charge(tencent, wallet_decides, database, other):
    async with wallet_decides(pays):
        assert (await tencent()).json() == PASSED
        assert (await tencent(**other)).json() == PASSED

    assert len(await announced(database, "gift.sent")) == 2


async def test_each_receiver_gets_a_gift_and_one_that_is_paid_is_enough(
    tencent, wallet_decides, database
):
    def pays_lea(asked):
        return paid if asked["creator"] == "lea" else refused

    async with wallet_decides(pays_lea):
        answer = await tencent(To_Account=["ida", "lea", "lea", "mira"])

    assert answer.json() == PASSED
    asked = await announced(database, "gift.requested")
    assert sorted(fact["creator"] for fact in asked) == ["ida", "lea"]
    assert [fact["creator"] for fact in await announced(database, "gift.sent")] == ["lea"]


async def test_a_gift_that_is_not_decided_in_time_is_blocked_within_two_seconds(tencent, database):
    """The wallet refuses what it decides later than half a second before that: nothing is paid."""
    await tencent(Coins=4)  # whoever comes first waits for the catalogue
    answer = await tencent()

    assert answer.json()["ErrorCode"] == 102110
    assert WAIT_SECONDS < 2
    async with database.transaction() as tx:
        seconds = text("SELECT extract(epoch FROM expires_at - requested_at) FROM gifts")
        left = float((await tx.execute(seconds)).scalar_one())
    # What has passed since they called is not given to the wallet once more.
    assert 0 < left <= 1.5


@pytest.mark.parametrize(
    ("water", "code"),
    [
        ({"Coins": 4}, 102102),
        ({"GiftId": "g_moonshot"}, 102103),
        ({"To_Account": ["mira"]}, 102107),
        ({"GiftId": "g_snow", "Coins": 150, "Count": 11}, 102108),
    ],
    ids=["price", "unknown", "self", "count"],
)
async def test_what_cannot_be_given_is_blocked_and_asks_nothing(tencent, database, water, code):
    answer = await tencent(**water)

    assert (answer.status_code, answer.json()["ErrorCode"]) == (200, code)
    assert await announced(database) == []


async def test_without_a_rule_about_unknown_ages_a_gift_is_blocked(
    database, catalogue_cache, pending_replies
):
    account = TencentAccount(TOKEN, APP)
    strict = build_http(database, a_verifier(), catalogue_cache, pending_replies, account)
    asked = str(int(time.time()))
    async with client_of(strict) as client:
        answer = await client.post(
            "/v1/callbacks/tencent",
            params={"SdkAppid": APP, "RequestTime": asked, "Sign": signed(asked)},
            json=a_callback(),
        )

    assert answer.json()["ErrorCode"] == CODES[AgeUnknown]
    assert await announced(database) == []


def test_each_reason_has_a_code_of_its_own_that_reaches_the_client():
    assert len(set(CODES.values())) == len(CODES)
    assert all(102_100 <= code <= 102_200 for code in CODES.values())


@pytest.mark.parametrize(
    "query",
    [
        {"Sign": signed("1", token="guessed")},
        {"Sign": "é"},
        {"Sign": signed(1_669_872_112), "RequestTime": "1669872112"},
        {"Sign": signed("soon"), "RequestTime": "soon"},
        {"Sign": signed("9" * 5_000), "RequestTime": "9" * 5_000},
        {"SdkAppid": "1400000001"},
    ],
    ids=["forged", "unreadable", "old", "timeless", "endless", "another-app"],
)
async def test_a_call_that_is_not_tencents_is_blocked(tencent, database, query):
    answer = await tencent(query=query)

    assert (answer.status_code, answer.json()["ErrorCode"]) == (200, 102111)
    assert await announced(database) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b"\xff", b'{"CallbackCommand": "Live.CallbackBeforeSendGift"}'],
    ids=["empty", "list", "cut", "bytes", "bare"],
)
async def test_nonsense_is_blocked_in_their_words(tencent, body):
    answer = await tencent(body=body)

    assert (answer.status_code, answer.json()["ErrorCode"]) == (200, 102112)


@pytest.mark.parametrize(
    "water",
    [
        {"To_Account": []},
        {"To_Account": ["lea\n"]},
        {"Count": 0},
        {"Count": True},
        {"Coins": 5.0},
        {"Time": "now"},
        {"To_Account": [f"creator-{number}" for number in range(51)]},
    ],
    ids=str,
)
async def test_a_callback_with_a_wrong_field_is_blocked(tencent, database, water):
    assert (await tencent(**water)).json()["ErrorCode"] == 102112
    assert await announced(database) == []


async def test_other_callbacks_pass_and_do_nothing(tencent, database):
    answer = await tencent(query={"CallbackCommand": "Live.CallbackAfterRoomDestroyed"}, body=b"?")

    assert answer.json() == PASSED
    assert await announced(database) == []


async def test_a_database_that_is_away_blocks_in_their_words(catalogue_cache, pending_replies):
    await catalogue_cache.current()
    away = Database("postgresql://nobody@127.0.0.1:9/nowhere")
    app = build_http(
        away, a_verifier(), catalogue_cache, pending_replies, TencentAccount(TOKEN, APP)
    )
    asked = str(int(time.time()))
    async with client_of(app) as client:
        answer = await client.post(
            "/v1/callbacks/tencent",
            params={"SdkAppid": APP, "RequestTime": asked, "Sign": signed(asked)},
            json=a_callback(),
        )

    assert (answer.status_code, answer.json()["ErrorCode"]) == (200, 102113)


async def test_without_a_secret_there_is_no_such_route(database, catalogue_cache, pending_replies):
    app = build_http(database, a_verifier(), catalogue_cache, pending_replies)
    async with client_of(app, an_operator_token()) as client:
        answer = await client.post("/v1/callbacks/tencent", json=a_callback())

    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-route")
