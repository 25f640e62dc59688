"""Pages over plain HTTP in a LAN, in old browsers, with the tokens of any provider."""

import base64
import json
import re
from uuid import uuid4

import pytest

from tests.browser.conftest import LAN_HOST, VIEWER
from tests.browser.test_journeys import OPERATOR, open_room
from tests.journeys.people import eventually

# What came after the oldest browsers that the README names.
FORGET = """
    delete Crypto.prototype.randomUUID;
    delete AbortSignal.timeout;
    delete Object.groupBy; delete Map.groupBy; delete Array.fromAsync;
    for (const name of ["toSorted", "toReversed", "toSpliced"]) delete Array.prototype[name];
    for (const name of ["union", "intersection", "difference", "symmetricDifference"])
        delete Set.prototype[name];
    for (const name of ["isWellFormed", "toWellFormed"]) delete String.prototype[name];
    delete Promise.withResolvers; delete Promise.try; delete RegExp.escape;
    delete URL.canParse; delete URL.parse; delete globalThis.Iterator;
    delete Element.prototype.checkVisibility; delete HTMLElement.prototype.showPopover;
    delete HTMLFormElement.prototype.requestSubmit; delete Document.prototype.startViewTransition;
    delete globalThis.requestIdleCallback; delete globalThis.scheduler;
"""
FORGET_ANY = "delete AbortSignal.any;"


def in_the_lan(system, path):
    return f"{system.gateway_url.replace('127.0.0.1', LAN_HOST)}{path}"


def open_in_the_lan(person, system, path):
    # A header that browsers take over HTTPS only, and say so.
    person.ignored += ("The Cross-Origin-Opener-Policy header has been ignored",)
    page = person.open(in_the_lan(system, path))
    assert not page.evaluate("isSecureContext")
    return page


def a_gift_is_sent(page, giver, before):
    page.locator("#send").click()
    eventually(lambda: giver.get("/v1/wallets/me")["coins"] == before - 1)
    page.locator(".feed-line.spark").wait_for()


def test_a_gift_is_sent_over_plain_http_from_an_old_browser(visitor, stage, system):
    room, mira = open_room(stage), stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_100")
    person = visitor(mira.user)
    person.context.add_init_script(FORGET)

    a_gift_is_sent(open_in_the_lan(person, system, f"/rooms/{room}"), mira, 100)


def test_the_feed_needs_nothing_new_either(visitor, stage, system):
    room, mira = open_room(stage), stage.person("mira", **VIEWER)
    stage.buy(mira, "coins_100")
    person = visitor(mira.user)
    person.context.add_init_script(FORGET + FORGET_ANY)
    person.context.set_default_timeout(10_000)

    a_gift_is_sent(open_in_the_lan(person, system, f"/rooms/{room}"), mira, 100)


def test_buying_and_a_break_work_over_plain_http_from_an_old_browser(visitor, stage, system):
    mira = stage.person("mira", **VIEWER)
    person = visitor(mira.user)
    person.context.add_init_script(FORGET)
    page = open_in_the_lan(person, system, "/wallet")

    page.locator("#get-coins").click()
    with page.context.expect_page():
        page.locator(".offer").first.click()
    page.get_by_text("Waiting for your payment").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="1 day", exact=True).click()
    page.get_by_role("button", name="Yes: 1 day").click()
    page.get_by_text("You are taking a break until").wait_for()

    assert len(mira.get("/v1/purchases")["items"]) == 1
    assert mira.get("/v1/wallets/me/limits")["excluded_until"]


def test_an_operator_follows_money_in_an_old_browser(visitor, stage, system):
    lea, mira = stage.person("lea", roles=["creator"]), stage.person("mira", **VIEWER)
    room = f"room-{uuid4().hex[:6]}"
    lea.put(f"/v1/rooms/{room}/stream", {"title": "Late songs"})
    purchase = stage.buy(mira, "coins_1000")
    stage.give(mira, lea.user, "g_fox", room=room)
    eventually(lambda: lea.get("/v1/earnings/me/gifts")["items"])
    person = visitor(f"ops-{uuid4().hex[:6]}", claims=OPERATOR)
    person.context.add_init_script(FORGET)
    page = open_in_the_lan(person, system, "/operator")

    page.get_by_text("Any purchase").click()
    page.get_by_label("Viewer").fill(mira.user)
    page.get_by_label("Purchase").fill(purchase)
    page.locator("#desk form").get_by_role("button", name="Follow the money").click()

    page.get_by_role("heading", name=f"Creator {lea.user}").wait_for()


def test_keys_are_uuids_of_version_four(visitor):
    page = visitor("mira").open("/wallet")

    keys = page.evaluate(
        """async () => {
            const { newKey } = await import("/static/api.js");
            return Array.from({ length: 200 }, newKey);
        }"""
    )

    assert len(set(keys)) == 200
    shape = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert all(re.fullmatch(shape, key) for key in keys)


@pytest.mark.parametrize("path", ["/wallet", "/operator"])
def test_scopes_may_be_a_list(visitor, stage, path):
    claims = {**OPERATOR, "roles": ["operator", "viewer"], "scope": OPERATOR["scopes"]}
    claims["name"] = "Ops"
    page = visitor(f"ops-{uuid4().hex[:6]}", claims=claims).open(path)

    page.locator("#main .card").first.wait_for()
    page.get_by_role("button", name="Signed in as Ops").wait_for()
    if path == "/operator":
        page.get_by_text("equalities hold").wait_for()


@pytest.mark.parametrize(
    ("claims", "roles", "scopes"),
    [
        ({"roles": "creator viewer", "scope": "a b"}, ["creator", "viewer"], ["a", "b"]),
        ({"roles": ["creator"], "scope": ["a", "b"], "scopes": "c"}, ["creator"], ["a", "b", "c"]),
        ({"roles": "precreator", "scopes": ["a", 7]}, ["precreator"], ["a"]),
        ({"roles": None, "scope": {"a": 1}}, [], []),
        ({}, [], []),
    ],
)
def test_roles_and_scopes_are_read_as_the_services_read_them(visitor, claims, roles, scopes):
    person = visitor()
    person.sign_in(unsigned({"sub": "mira", "exp": 4_000_000_000, **claims}))
    person.page.goto("/paid")

    me = person.page.evaluate('async () => (await import("/static/session.js")).me()')

    assert (me["roles"], me["scopes"], me["name"]) == (roles, scopes, None)


@pytest.mark.parametrize("sub", ["team/7", "https://id.example/u/7", ".", "..", "", "a//b"])
def test_what_cannot_stand_in_an_address_is_refused_and_asks_for_nothing_else(visitor, sub):
    page = visitor("mira").open("/wallet")

    refused = page.evaluate(
        """async (name) => {
            const { path } = await import("/static/api.js");
            try { return path`/v1/rooms/${name}/stream`; } catch (error) { return error.message; }
        }""",
        sub,
    )

    assert "there is no address for a name like this" in refused


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("late songs", "/v1/rooms/late%20songs?viewer=team%2F7"),
        ("50%", "/v1/rooms/50%25?viewer=team%2F7"),
        ("a?b#c", "/v1/rooms/a%3Fb%23c?viewer=team%2F7"),
        ("夜の歌", "/v1/rooms/%E5%A4%9C%E3%81%AE%E6%AD%8C?viewer=team%2F7"),
        ("...", "/v1/rooms/...?viewer=team%2F7"),
    ],
)
def test_any_other_name_is_one_segment(visitor, name, address):
    page = visitor("mira").open("/wallet")

    made = page.evaluate(
        """async (name) => {
            const { path } = await import("/static/api.js");
            return path`/v1/rooms/${name}?viewer=${"team/7"}`;
        }""",
        name,
    )

    assert made == address


def unsigned(claims):
    """A token that no service takes; pages read it and believe nothing of it."""
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2ln"
