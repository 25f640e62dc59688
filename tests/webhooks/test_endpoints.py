"""A team manages its own endpoints, and nothing else; operators with a scope manage any team's."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.webhooks.domain.endpoints import ENDPOINTS_MAX
from services.webhooks.domain.quotas import (
    ENDPOINT_CHANGES,
    ENDPOINTS,
    PINGS,
    REPLAYS,
    SECRET_ROTATIONS,
)
from tests.clients import a_token, an_operator_token, client_of
from tests.quotas import leave
from tests.webhooks.conftest import ENDPOINTS_PATH, GIFT_EVENTS, URL, WISH, gifts, key


async def test_a_team_reads_what_it_may_have(charts):
    assert (await charts.get("/v1/teams/me")).json() == {
        "team": "charts",
        "events": sorted(GIFT_EVENTS),
    }


async def test_an_endpoint_is_added_once_a_key_and_its_secret_shown(charts):
    header = key()
    first = await charts.post(ENDPOINTS_PATH, json=WISH, headers=header)
    again = await charts.post(ENDPOINTS_PATH, json=WISH, headers=header)
    other = await charts.post(ENDPOINTS_PATH, json={**WISH, "url": URL + "2"}, headers=header)

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert first.json()["secret"].startswith("whsec_")
    assert other.json()["code"] == "key-reused"
    listed = (await charts.get(ENDPOINTS_PATH)).json()["items"]
    assert len(listed) == 1
    assert "secret" not in listed[0]
    read = (await charts.get(f"{ENDPOINTS_PATH}/{listed[0]['endpoint']}")).json()
    assert read == listed[0]


async def test_the_key_of_a_deleted_endpoint_makes_no_other(charts):
    header = key()
    made = (await charts.post(ENDPOINTS_PATH, json=WISH, headers=header)).json()
    await charts.delete(f"{ENDPOINTS_PATH}/{made['endpoint']}")

    again = await charts.post(ENDPOINTS_PATH, json=WISH, headers=header)

    assert (again.status_code, again.json()["code"]) == (404, "no-such-endpoint")


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example/", "https://10.0.0.1/", "https://hooks.example:22/"),
        *("https://user@hooks.example/", "https://169.254.169.254/", "https://[fd00:ec2::254]/"),
    ],
)
async def test_an_address_that_is_not_of_the_internet_is_refused(charts, add, url):
    answer = await charts.post(ENDPOINTS_PATH, json={**WISH, "url": url}, headers=key())
    assert (answer.status_code, answer.json()["code"]) == (422, "url-refused")

    made = await add(URL)
    changed = await charts.patch(f"{ENDPOINTS_PATH}/{made['endpoint']}", json={"url": url})
    assert changed.json()["code"] == "url-refused"


@pytest.mark.parametrize("event", ["wallet.coins_credited", "gift.gibberish"])
async def test_a_team_gets_no_event_that_it_was_not_granted(charts, add, event):
    answer = await charts.post(
        ENDPOINTS_PATH, json={**WISH, "events": ["gift.sent", event]}, headers=key()
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "event-not-granted")

    made = await add(URL)
    changed = await charts.patch(f"{ENDPOINTS_PATH}/{made['endpoint']}", json={"events": [event]})
    assert changed.json()["code"] == "event-not-granted"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("events", []), ("events", ["x"]), ("events", "gift.sent"), ("url", "")),
        *(("description", "a\x00b"), ("description", "a" * 201), ("more", 1)),
        ("url", f"https://hooks.example/{'a' * 2_000}"),
    ],
)
async def test_a_request_that_is_none_is_refused(charts, field, value):
    answer = await charts.post(ENDPOINTS_PATH, json={**WISH, field: value}, headers=key())
    assert answer.status_code == 422


async def test_an_endpoint_is_changed_and_what_is_left_out_stays(charts, add):
    made = await add(URL)
    path = f"{ENDPOINTS_PATH}/{made['endpoint']}"

    changed = (await charts.patch(path, json={"description": "new", "enabled": False})).json()
    same = (await charts.patch(path, json={})).json()

    assert (changed["description"], changed["url"]) == ("new", URL)
    assert (changed["enabled"], changed["disabled"]) == (False, "caller")
    assert same == changed


async def test_a_team_has_so_many_endpoints_and_no_more_however_fast_it_asks(charts):
    wishes = [
        charts.post(ENDPOINTS_PATH, json={**WISH, "url": f"{URL}/{number}"}, headers=key())
        for number in range(ENDPOINTS_MAX + 5)
    ]
    answers = await asyncio.gather(*wishes)

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] * ENDPOINTS_MAX + [429] * 5
    first = (await charts.get(ENDPOINTS_PATH, params={"limit": 15})).json()
    cursor = {"limit": 15, "cursor": first["next_cursor"]}
    second = (await charts.get(ENDPOINTS_PATH, params=cursor)).json()
    shown = [each["url"] for each in (*first["items"], *second["items"])]
    assert len(set(shown)) == ENDPOINTS_MAX
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("quota", "method", "path", "body"),
    [
        (ENDPOINTS, "POST", "", WISH),
        (ENDPOINT_CHANGES, "PATCH", "/{endpoint}", {"description": "another"}),
        (SECRET_ROTATIONS, "POST", "/{endpoint}/secrets", {}),
        (PINGS, "POST", "/{endpoint}/pings", None),
        (REPLAYS, "POST", "/{endpoint}/replays", {"failed": True}),
    ],
    ids=lambda each: getattr(each, "act", ""),
)
async def test_for_a_team_so_much_is_done_a_day(charts, add, database, quota, method, path, body):
    made = await add(URL)
    address = ENDPOINTS_PATH + path.format(endpoint=made["endpoint"])
    await leave(database, "charts", quota, 0)

    refused = await charts.request(method, address, json=body, headers=key())

    assert (refused.status_code, refused.json()["code"]) == (429, "too-often")
    assert refused.json()["act"] == quota.act


def requests_of(endpoint, team="charts", event=uuid4()):  # noqa: B008
    """Every request there is, with a body that fits."""
    path = f"/v1/teams/{team}/endpoints"
    one = f"{path}/{endpoint}"
    return [
        ("GET", f"/v1/teams/{team}", None),
        ("GET", path, None),
        ("POST", path, WISH),
        ("GET", one, None),
        ("PATCH", one, {"description": "mine now"}),
        ("POST", f"{one}/secrets", {}),
        ("GET", f"{one}/deliveries", None),
        ("GET", f"{one}/deliveries/{event}", None),
        ("POST", f"{one}/replays", {"failed": True}),
        ("POST", f"{one}/pings", None),
        ("DELETE", one, None),
    ]


@pytest.mark.parametrize(
    ("user", "claims"),
    [
        ("rivals", {"roles": ["team"]}),
        # A person who happens to be called as the team is.
        ("charts", {}),
        ("charts", {"roles": ["viewer", "creator"]}),
        ("ann", {"roles": ["operator"]}),
        ("ann", {"roles": ["operator"], "scope": "gifts:moderate audit:read"}),
        ("ann", {"scope": "webhooks:read webhooks:write"}),
    ],
)
async def test_nobody_else_reads_or_changes_what_is_a_teams(app, add, user, claims):
    made = await add(URL)
    async with client_of(app, a_token(user, **claims)) as client:
        for method, path, body in requests_of(made["endpoint"]):
            answer = await client.request(method, path, json=body, headers=key())
            assert (answer.status_code, answer.json()["code"]) == (403, "not-the-team"), path
            assert made["endpoint"] not in answer.text


async def test_a_team_finds_no_endpoint_of_another_below_its_own_name(as_team, add, grant):
    made = await add(URL)
    grant("rivals", "gift.sent")
    rivals = await as_team("rivals")

    for method, path, body in requests_of(made["endpoint"], team="me")[3:]:
        answer = await rivals.request(method, path, json=body, headers=key())
        assert (answer.status_code, answer.json()["code"]) == (404, "no-such-endpoint"), path
    assert (await rivals.get(ENDPOINTS_PATH)).json()["items"] == []


async def test_an_operator_may_read_with_one_scope_and_change_with_the_other(app, add):
    made = await add(URL)
    for scope, fitting in (("webhooks:read", {"GET"}), ("webhooks:write", set())):
        async with client_of(app, an_operator_token(scope)) as operator:
            for method, path, body in requests_of(made["endpoint"]):
                answer = await operator.request(method, path, json=body, headers=key())
                may = method in fitting or (scope == "webhooks:write" and method != "GET")
                assert (answer.status_code != 403) == may, (scope, method, path)


async def test_a_team_that_was_granted_nothing_is_none(as_team):
    nobody = await as_team("nobody")

    assert (await nobody.get("/v1/teams/me")).json()["code"] == "no-such-team"
    refused = await nobody.post(ENDPOINTS_PATH, json=WISH, headers=key())
    assert refused.json()["code"] == "no-such-team"


async def test_each_change_is_a_line_of_the_audit_log(charts, add, ops, receiver):
    made = await add(receiver.url)
    path, header = f"{ENDPOINTS_PATH}/{made['endpoint']}", key()
    await charts.post(f"{path}/secrets", json={}, headers=key())
    await charts.patch(path, json={"description": "new"})
    await charts.patch(path, json={})
    for _ in range(2):
        await charts.post(f"{path}/pings", headers=header)
    await charts.post(f"{path}/replays", json={"failed": True}, headers=key())
    await ops.delete(path.replace("/me/", "/charts/"))

    lines = (await ops.get("/v1/operator/webhooks/audit")).json()["items"]
    acts = [(each["operator"], each["action"]) for each in reversed(lines)]
    assert acts == [
        ("charts", "endpoint.added"),
        ("charts", "endpoint.secret_rotated"),
        ("charts", "endpoint.changed"),
        ("charts", "endpoint.pinged"),
        ("charts", "endpoint.replayed"),
        ("ops", "endpoint.deleted"),
    ]
    assert "whsec_" not in str(lines)


async def test_a_ping_is_an_event_that_verifies(charts, add, working, receiver, ended):
    made = await add(receiver.url)
    path, header = f"{ENDPOINTS_PATH}/{made['endpoint']}/pings", key()
    first = (await charts.post(path, headers=header)).json()["event"]
    assert (await charts.post(path, headers=header)).json()["event"] == first
    async with working():
        assert await ended() == {"delivered": 1}

    (got,) = receiver.taken
    assert (got.id, got.document["type"]) == (first, "dev.ovation.webhooks.ping.v1")
    assert got.verify(made["secret"])
    await charts.patch(f"{ENDPOINTS_PATH}/{made['endpoint']}", json={"enabled": False})
    refused = await charts.post(path, headers=key())
    assert refused.json()["code"] == "endpoint-disabled"


async def test_the_log_is_read_by_state_and_name_page_by_page(
    charts, add, hear, working, receiver, ended
):
    made = await add(receiver.url)
    await hear(*gifts(7))
    async with working():
        await ended()
    path = f"{ENDPOINTS_PATH}/{made['endpoint']}/deliveries"

    seen, cursor = [], {}
    while cursor is not None:
        query = {"limit": 3, **cursor}
        found = (await charts.get(path, params=query)).json()
        seen += [each["event"] for each in found["items"]]
        cursor = {"cursor": found["next_cursor"]} if found["next_cursor"] else None

    assert (len(seen), len(set(seen))) == (7, 7)
    for query, count in (
        ({"state": "failed"}, 0),
        ({"state": "delivered"}, 7),
        ({"event_name": "gift.sent"}, 7),
        ({"event_name": "gift.reversed"}, 0),
    ):
        found = (await charts.get(path, params=query)).json()["items"]
        assert len(found) == count
    assert (await charts.get(path, params={"cursor": "x"})).json()["code"] == "bad-cursor"


async def test_a_replay_is_of_one_event_of_a_time_or_of_what_failed(
    charts, add, hear, working, receiver, ended
):
    made = await add(receiver.url)
    path = f"{ENDPOINTS_PATH}/{made['endpoint']}/replays"
    await hear(*gifts(3))
    async with working():
        await ended()
    event = receiver.taken[0].id
    now = datetime.now(UTC)
    before, after = (now - timedelta(hours=1)).isoformat(), (now + timedelta(hours=1)).isoformat()

    for body, count in (
        ({"event": event}, 1),
        ({"event": str(uuid4())}, 0),
        ({"since": before}, 3),
        ({"since": before, "until": before}, 0),
        ({"until": after}, 3),
        ({"failed": True}, 0),
    ):
        answer = await charts.post(path, json=body, headers=key())
        assert answer.json() == {"deliveries": count}, body
        if count:
            async with working():
                await ended()
    for body in ({}, {"event": event, "failed": True}, {"since": before, "failed": True}):
        refused = await charts.post(path, json=body, headers=key())
        assert refused.json()["code"] == "nothing-to-replay"
    assert receiver.times_taken()[event] == 4
