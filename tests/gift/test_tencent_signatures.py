"""A signature of Tencent's covers one second: seen on its way, it is good for nothing else."""

import asyncio
import hashlib
import time

import pytest
from pydantic import ValidationError

from services.gift.api.tencent import TencentAccount
from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.pending_replies import PendingReplies
from services.gift.commands.signatures import SignatureRules, forget_signatures
from services.gift.main import build_http
from services.gift.settings import Settings
from shared.identity.ages import AgeRule
from shared.postgres.statements import text
from tests.clients import a_verifier, client_of
from tests.deliveries import announced
from tests.gift.conftest import CATALOGUE

TOKEN, APP = "xxxxyyyy", "1400000000"
UNAUTHENTICATED, MALFORMED, UNDECIDED = 102111, 102112, 102110
NEW_BODY_SECONDS, BODIES_MAX = 5, 3


@pytest.fixture
def instance(database):
    """Start one more instance of the service, which remembers nothing of its own."""

    def start(token=TOKEN):
        rules = SignatureRules(NEW_BODY_SECONDS, BODIES_MAX)
        return build_http(
            database,
            a_verifier(),
            CatalogueCache(database, CATALOGUE),
            PendingReplies(database),
            TencentAccount(token, APP, rules),
            anybody_may_receive=True,
            ages=AgeRule(unknown_allowed=True),
        )

    return start


async def call(app, *, age=0, coins=5, viewer="mira", token=TOKEN, app_id=APP, at=None):
    """Call as Tencent did so many seconds ago; the wrong price is blocked, and not at once paid."""
    asked = str(at if at is not None else int(time.time()) - age)
    body = {
        "CallbackCommand": "Live.CallbackBeforeSendGift",
        "RoomId": "room-1",
        "GiftWater": {
            "From_Account": viewer,
            "To_Account": ["lea"],
            "Time": 1_703_589_922,
            "GiftId": "g_tea",
            "Count": 1,
            "Coins": coins,
        },
    }
    sign = hashlib.sha256(f"{token}{asked}".encode()).hexdigest()
    async with client_of(app) as client:
        answer = await client.post(
            "/v1/callbacks/tencent",
            params={"SdkAppid": app_id, "RequestTime": asked, "Sign": sign},
            json=body,
        )
    assert answer.status_code == 200
    return answer.json()["ErrorCode"]


async def test_a_signature_that_is_seen_brings_no_other_gift_some_seconds_later(instance, database):
    at = int(time.time()) - NEW_BODY_SECONDS - 2
    assert await call(instance(), at=at, viewer="mallory") == UNAUTHENTICATED
    assert await announced(database) == []


async def test_another_application_cannot_use_a_signature(instance, database):
    assert await call(instance(), app_id="1400000001") == UNAUTHENTICATED
    assert await announced(database) == []


async def test_gifts_of_one_second_share_a_signature(instance, database):
    at, app = int(time.time()), instance()
    codes = await asyncio.gather(
        *(call(app, at=at, viewer=viewer) for viewer in ("mira", "noa", "zoe"))
    )

    assert codes == [UNDECIDED] * 3
    assert len(await announced(database, "gift.requested")) == 3


async def test_a_signature_brings_so_many_bodies_also_at_once_and_to_several_instances(
    instance, database
):
    at, apps = int(time.time()), [instance(), instance()]
    codes = await asyncio.gather(
        *(call(apps[n % 2], at=at, viewer=f"viewer-{n}") for n in range(BODIES_MAX + 4))
    )

    assert sorted(codes) == [UNDECIDED] * BODIES_MAX + [UNAUTHENTICATED] * 4
    assert len(await announced(database, "gift.requested")) == BODIES_MAX


async def test_a_repetition_is_taken_for_the_whole_minute_by_every_instance(instance, database):
    """A first call that was on its way when another instance heard it, and once more later."""
    asked = int(time.time())
    assert await call(instance(), at=asked) == UNDECIDED
    async with database.reference.transaction() as tx:
        # As if it had been half a minute ago.
        await tx.execute(text("UPDATE tencent_signatures SET request_time = request_time - 30"))

    assert await call(instance(), at=asked - 30) == UNDECIDED
    assert await call(instance(), at=asked - 30, viewer="mallory") == UNAUTHENTICATED
    assert len(await announced(database, "gift.requested")) == 1


async def test_the_same_callback_at_once_is_one_body(instance, database):
    at, apps = int(time.time()), [instance(), instance()]
    codes = await asyncio.gather(*(call(apps[n % 2], at=at) for n in range(2 * BODIES_MAX)))

    assert codes == [UNDECIDED] * (2 * BODIES_MAX)
    assert len(await announced(database, "gift.requested")) == 1


async def test_a_callback_of_the_future_brings_nothing(instance, database):
    """A clock of theirs that is ahead would make each signature good for longer."""
    at = int(time.time()) + NEW_BODY_SECONDS + 30
    assert await call(instance(), at=at) == UNAUTHENTICATED


async def test_while_the_token_is_replaced_either_signs(instance):
    app = instance(token="newer\nolder")
    assert await call(app, token="newer", coins=4) != UNAUTHENTICATED
    assert await call(app, token="older", coins=3) != UNAUTHENTICATED
    assert await call(app, token="eldest", coins=2) == UNAUTHENTICATED


async def test_signatures_are_forgotten_once_they_open_nothing(instance, database):
    now = int(time.time())
    await call(instance(), at=now)
    async with database.reference.transaction() as tx:
        await tx.execute(
            text("INSERT INTO tencent_signatures VALUES (:at, ARRAY[CAST('x' AS bytea)])"),
            {"at": now - 600},
        )
    async with database.reference.transaction() as tx:
        assert await forget_signatures(tx) is False
    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT request_time, bodies FROM tencent_signatures"))
    ((kept, bodies),) = rows

    assert kept == now
    # A digest, which no reader of the table can sign anything with.
    assert [len(body) for body in bodies] == [32]


SETTINGS = {
    "port": 1,
    "database_url": "postgresql://gift@db/gift",
    "database_password": "x",
    "broker_url": "amqp://gift@mq/ovation",
    "broker_password": "x",
    "jwt_issuer": "https://host.example",
    "jwt_audience": "ovation",
    "jwks_url": "https://host.example/keys",
    "catalogue_file": "gifts.toml",
    "packages_file": "packages.toml",
    "rules_file": "rules.toml",
}


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"tencent_token": TOKEN}, "GIFT_TENCENT_SDK_APP_ID"),
        ({"tencent_token": TOKEN, "tencent_sdk_app_id": ""}, "GIFT_TENCENT_SDK_APP_ID"),
        ({"tencent_token": " \n", "tencent_sdk_app_id": APP}, "empty"),
    ],
    ids=["no-application", "an-empty-application", "no-secret"],
)
def test_a_token_that_would_let_others_in_stops_the_service(said, named):
    with pytest.raises(ValidationError, match=named):
        Settings(**SETTINGS, **said)


def test_the_token_is_read_from_a_file_and_never_shown(tmp_path, monkeypatch):
    (tmp_path / "gift_tencent_token").write_text("from-a-file")
    monkeypatch.setenv("OVATION_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("GIFT_TENCENT_SDK_APP_ID", APP)

    settings = Settings(**SETTINGS)

    assert settings.tencent_token is not None
    assert settings.tencent_token.get_secret_value() == "from-a-file"
    assert "from-a-file" not in repr(settings)
