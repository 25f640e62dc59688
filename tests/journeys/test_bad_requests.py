"""Whatever is asked of the gateway, the answer is a clear problem and nothing is lost."""

import json
import time
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from deploy.config.services import DATABASES

PROBLEM = "application/problem+json"
A_GIFT = {"gift_type": "g_tea", "creator": "lea"}


@pytest.fixture
def http(system):
    with httpx.Client(base_url=system.gateway_url, timeout=60) as client:
        yield client


@pytest.fixture
def post(http, system):
    """Post as mira; what differs from a good request is what the test is about."""

    def send(path="/v1/gifts", *, token=None, key=None, body=A_GIFT, content=None, **headers):
        headers = {
            "Authorization": f"Bearer {token or system.token('mira')}",
            "Idempotency-Key": str(uuid4()) if key is None else key,
            "Content-Type": "application/json",
            **headers,
        }
        if key == "":
            del headers["Idempotency-Key"]
        data = json.dumps(body).encode() if content is None else content
        return http.post(path, content=data, headers=headers)

    return send


@pytest.fixture
def good_gift(system):
    """A gift that is taken in: outside of any room, where the host says to whom."""
    wanted = {"creators": [A_GIFT["creator"]]}
    answer = httpx.post(f"{system.issuer_url}/target-token", json=wanted, timeout=60)
    return {**A_GIFT, **answer.json()}


def assert_problem(answer, status, code):
    assert answer.headers["content-type"] == PROBLEM, answer.text
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["title"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "malformed-json"),
        (b"\xff\xfe", 400, "malformed-json"),
        (b"[]", 422, "invalid-request"),
        (b'"gift"', 422, "invalid-request"),
        (b'{"gift_type": 5, "creator": "lea"}', 422, "invalid-request"),
        (b'{"gift_type": "g_tea", "creator": "nul\\u0000"}', 422, "invalid-request"),
        (b'{"gift_type": "g_tea", "creator": "\\ud800"}', 422, "invalid-request"),
        (b'{"gift_type": "g_tea", "creator": "lea", "count": 0}', 422, "invalid-request"),
        (b'{"gift_type": "g_tea", "creator": "lea", "count": -3}', 422, "invalid-request"),
        (b'{"gift_type": "g_tea", "creator": "lea", "count": true}', 422, "invalid-request"),
        (b'{"gift_type": "g_tea", "creator": "lea", "count": 1.5}', 422, "invalid-request"),
        (b'{"gift_type": "g_tea", "creator": "lea", "count": 1000}', 422, "invalid-request"),
        (b'{"gift_type": "g_tea", "creator": "lea", "price_coins": 1}', 422, "invalid-request"),
        (b'{"gift_type": "g_moonshot", "creator": "lea"}', 404, "unknown-gift"),
        (b'{"gift_type": "g_tea", "creator": "mira"}', 422, "gift-to-self"),
        (b" " * 70_000, 413, "body-too-large"),
    ],
)
def test_a_body_that_is_not_a_gift_is_refused_with_its_reason(post, content, status, code):
    assert_problem(post(content=content), status, code)


@pytest.mark.parametrize("key", ["", "x" * 129, '"open'])
def test_a_post_that_moves_value_needs_a_key(post, key):
    for path, body in (("/v1/gifts", A_GIFT), ("/v1/purchases", {"package": "coins_100"})):
        answer = post(path, key=key, body=body)
        assert_problem(answer, 400, "idempotency-key-missing")


def test_a_key_belongs_to_one_body(post, good_gift):
    key = str(uuid4())
    first = post(key=key, body=good_gift, Prefer="respond-async")
    assert first.status_code == 202

    assert_problem(post(key=key, body={**good_gift, "count": 2}), 422, "key-reused")
    again = post(key=key, body=good_gift, Prefer="respond-async")
    assert again.json()["gift"] == first.json()["gift"]


def forged(system, **about):
    now = int(time.time())
    claims = {"iss": system.issuer_url, "aud": "ovation", "sub": "mira", "exp": now + 60}
    key = about.pop("key", None) or RSAKey.generate_key(2048, private=True)
    header = {"alg": about.pop("algorithm", "RS256"), "kid": about.pop("kid", "forged")}
    return jwt.encode(header, {**claims, **about}, key, algorithms=[header["alg"]])


def published_key(system):
    return httpx.get(f"{system.issuer_url}/.well-known/jwks.json").json()["keys"][0]


@pytest.mark.parametrize(
    "token",
    [
        lambda system: system.token("mira", ttl_seconds=-3600),
        forged,
        lambda system: forged(system, kid=published_key(system)["kid"]),
        lambda system: forged(
            system,
            key=OctKey.import_key(json.dumps(published_key(system))),
            algorithm="HS256",
            kid=published_key(system)["kid"],
        ),
        lambda _: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtaXJhIn0.",
        lambda _: "not-a-token",
    ],
    ids=["expired", "foreign", "known-kid", "public-key-as-secret", "alg-none", "garbage"],
)
def test_a_token_nobody_should_trust_opens_nothing(http, post, system, token):
    bad = token(system)

    assert_problem(post(token=bad), 401, "unauthenticated")
    for path in ("/v1/wallets/me", "/v1/earnings/me", "/v1/purchases", "/v1/rooms/lobby"):
        answer = http.get(path, headers={"Authorization": f"Bearer {bad}"})
        assert_problem(answer, 401, "unauthenticated")


def test_what_is_somebody_elses_stays_closed(http, post, system, good_gift):
    gift = post(body=good_gift, Prefer="respond-async").json()["gift"]
    bought = post("/v1/purchases", body={"package": "coins_100"}).json()["purchase"]
    otto = {"Authorization": f"Bearer {system.token('otto')}"}

    for path in ("/v1/wallets/mira", "/v1/wallets/mira/movements", "/v1/earnings/mira"):
        assert_problem(http.get(path, headers=otto), 403, "not-yours")
    assert_problem(http.get(f"/v1/gifts/{gift}", headers=otto), 404, "no-such-gift")
    assert_problem(http.get(f"/v1/purchases/{bought}", headers=otto), 404, "no-such-purchase")
    # Webhooks has no amounts, and so no books.
    for service in sorted({*DATABASES} - {"webhooks"}):
        books = http.get(f"/v1/operator/{service}/books", headers=otto)
        assert_problem(books, 403, "scope-missing")


@pytest.mark.parametrize("path", ["/v1/gifts/none", "/v1/payouts/none", "/v1/purchases/none"])
def test_an_id_that_is_none_is_refused(http, system, path):
    mira = {"Authorization": f"Bearer {system.token('mira')}"}

    assert_problem(http.get(path, headers=mira), 422, "invalid-request")
    unknown = http.get(path.replace("none", str(uuid4())), headers=mira)
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == PROBLEM


def test_a_name_that_no_database_can_keep_is_refused(http, system):
    scopes = ["adjustments:write", "audit:read"]
    ann = {"Authorization": f"Bearer {system.token('ann', roles=['operator'], scopes=scopes)}"}
    for service in ("wallet", "payout"):
        path = f"/v1/operator/{service}"
        wish = {"user": "mi\0ra", "amount": 5, "reason": "a test"}
        keyed = {**ann, "Idempotency-Key": str(uuid4())}
        asked = http.post(f"{path}/adjustments", json=wish, headers=keyed)
        read = http.get(f"{path}/audit", params={"user": "mi\0ra"}, headers=ann)

        assert_problem(asked, 422, "invalid-request")
        assert_problem(read, 422, "invalid-request")
    # The gateway lets no NUL into a path, but a service does not count on it.
    with httpx.Client(base_url=system.urls["payout"]) as payout:
        inside = payout.get("/v1/earnings/mi%00ra", headers=ann)
    assert_problem(inside, 422, "invalid-request")


def test_who_is_not_known_is_told_nothing_else(http):
    """Without a token the key, the path and the body do not matter."""
    answer = http.post("/v1/purchases/none/refunds", content=b"[]", headers={"Idempotency-Key": ""})

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/sandbox/metrics"])
def test_what_is_for_operators_inside_is_not_published(http, path):
    assert_problem(http.get(path), 404, "no-such-route")


def test_a_webhook_nobody_signed_is_refused(http):
    for kind in ("payments", "transfers"):
        answer = http.post(f"/v1/webhooks/sandbox/{kind}", content=b"{}")
        assert_problem(answer, 401, "bad-signature")


def test_one_document_describes_every_service(http):
    paths = http.get("/openapi.json").json()["paths"]

    for path in ("/v1/packages", "/v1/wallets/{user}", "/v1/gifts", "/v1/payouts"):
        assert path in paths
    assert "/v1/rooms/{room}/events" in paths
    assert "402" in paths["/v1/gifts"]["post"]["responses"]


def test_a_body_that_is_not_declared_as_json_is_told_how_to_be(post):
    answer = post(**{"Content-Type": "application/x-www-form-urlencoded"})

    assert_problem(answer, 415, "unsupported-media-type")
    assert answer.headers["Accept"] == "application/json"


def test_a_head_is_answered_like_a_get_without_the_body(http, system):
    http.headers["Authorization"] = f"Bearer {system.token('mira')}"
    plain = {"Accept-Encoding": "identity"}
    for path in ("/", "/docs", "/openapi.json", "/v1/packages", "/v1/wallets/me", "/v1/nothing"):
        page, head = http.get(path, headers=plain), http.head(path, headers=plain)

        assert (head.status_code, head.content) == (page.status_code, b""), path
        assert head.headers["Content-Length"] == page.headers["Content-Length"], path
        assert head.headers["Content-Type"] == page.headers["Content-Type"], path
    feed = http.head("/v1/rooms/lobby/events")
    assert (feed.status_code, feed.headers["Content-Type"]) == (
        200,
        "text/event-stream; charset=utf-8",
    )


def test_a_browser_at_a_wrong_address_gets_a_page(http):
    page = http.get("/walet", headers={"Accept": "text/html,application/xhtml+xml"})

    assert page.status_code == 404
    assert page.headers["Content-Type"].startswith("text/html")
    assert_problem(http.get("/walet"), 404, "no-such-route")
