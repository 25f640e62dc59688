"""
Every operation of the API asked by every kind of caller, through the gateway.

Which operations there are, and who may use them, is read from the OpenAPI document: a new one is
asked too, and fails here until the cast has values for it.
"""

import re
from contextlib import closing
from urllib.parse import quote, unquote

import pytest

from deploy.config.databases import fetch
from deploy.config.services import DATABASES
from deploy.harness.system import System
from services.payout.jobs import CLOSE_EVERY_SECONDS
from shared.http.people import PERSON_FIELDS
from tests.journeys.authority import Cast
from tests.journeys.operations import DOCUMENT, OPERATIONS
from tests.journeys.people import eventually, stage_on

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
WITHOUT_TOKEN = {"signed", "public"}
ACCESS = {*WITHOUT_TOKEN, "caller", "own", "creator", "operator"}
# Jobs write these whether anybody asks or not.
BY_JOBS = {"unsealed", "seals"}
# Refusals that are about who asks, and not about the thing that is asked for.
AUTHORITY = {
    *("scope-missing", "not-yours", "creators-only", "room-of-another", "not-the-creator"),
    "not-the-team",
}
NOT_THEIRS = (403, 404)
CLOSED_SECONDS_MAX = 3 * CLOSE_EVERY_SECONDS
# Those that have an audit log; live has no route that shows an operator a person.
LEDGERS = ("wallet", "payout", "gift", "purchase", "live", "webhooks")
# The log itself, whoever it is about: naming a person is a line, reading the newest lines is not.
SHOWS_THE_LOG = {f"GET /v1/operator/{service}/audit" for service in LEDGERS}
# What ends something for those that come later is asked last, and what it would end before it.
FIRST = ("POST /v1/gifts", "POST /v1/rooms/{room}/thanks", "POST /v1/payouts")
LAST = (
    "DELETE /v1/rooms/{room}/stream",
    "POST /v1/payouts/payees/{currency}/onboarding",
    "PUT /v1/payouts/payees/{currency}",
    "POST /v1/purchases/{purchase}/refunds",
    "POST /v1/purchases/{purchase}/withdrawals",
    "POST /v1/wallets/{user}/exclusions",
    "POST /v1/operator/purchases/{viewer}/{purchase}/refunds",
    "PUT /v1/operator/live/rooms/{room}/owner",
    "DELETE /v1/operator/live/rooms/{room}/owner",
)
# What is refused for the state of the thing, once those who may ask do. No story of these is here.
NOT_NOW = {
    "POST /v1/purchases": "purchases-paused",  # the viewer's hold is of a fraud warning
    "POST /v1/purchases/{purchase}/claim": "not-sold-by-store",
    "POST /v1/operator/purchases/{viewer}/{purchase}/refunds/{refund}/decline": "no-such-refund",
    "POST /v1/operator/payouts/{creator}/{payout}/approve": "not-held",
    "POST /v1/operator/payouts/{creator}/{payout}/reject": "not-held",
    "POST /v1/operator/payouts/{creator}/{payout}/resolve": "not-unresolved",
    "POST /v1/operator/payees/{creator}/{currency}/clear": "no-match",
    "POST /v1/payouts/{payout}/appeal": "not-rejected",
    "POST /v1/operator/payouts/{creator}/{payout}/appeal": "no-such-appeal",
    "GET /v1/me/erasure": "no-erasure",
    **{
        f"POST /v1/operator/{service}/dead-letters/{{dead_letter}}/redrive": "no-such-dead-letter"
        for service in DATABASES
    },
    # A body of the matrix is JSON, and that is no film.
    "POST /v1/operator/gifts/files": "file-unknown",
    "DELETE /v1/operator/gifts/files/{file}": "no-such-catalogue-file",
    # Nothing is paid by bank file here.
    "PUT /v1/payouts/bank-account": "no-bank-files",
    "GET /v1/operator/bank-files": "no-bank-files",
    "GET /v1/operator/bank-files/{file}": "no-bank-files",
    "POST /v1/operator/bank-files": "no-bank-files",
    "POST /v1/operator/bank-reports": "no-bank-files",
}


@pytest.fixture(scope="module")
def system():
    """A system of its own: gifts of coins that an operator gave are no part of others' books."""
    with System(fast=True) as running:
        yield running


@pytest.fixture(scope="module")
def cast(system):
    with stage_on(system) as stage, closing(Cast(stage)) as cast:
        cast.prepare()
        # The combo of the gift ends by itself, a while after it.
        ended = f"SELECT 1 FROM feed WHERE room = '{cast.room}' AND kind = 'combo'"
        eventually(lambda: fetch(system.postgres.dsn("live"), ended))
        # A job closes the months before the first gift of a creator, once.
        closed = f"""SELECT 1 FROM creators
            WHERE creator = '{cast.creator}' AND closed_until > '1970-01-01'"""
        eventually(lambda: fetch(system.postgres.dsn("payout"), closed), seconds=CLOSED_SECONDS_MAX)
        yield cast


@pytest.fixture
def kept(system, cast):
    """Return what every table says of the cast, once nothing is on its way any more."""

    def digests():
        return {service: told_in(system.postgres.dsn(service)) for service in DATABASES}

    def told_in(dsn):
        tables = fetch(dsn, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
        rows = " UNION ALL ".join(
            f"SELECT '{name}' AS place, t::text AS told FROM \"{name}\" t"
            for name in sorted({row["name"] for row in tables} - BY_JOBS)
        )
        mine = f"SELECT * FROM ({rows}) all_rows WHERE told LIKE '%{cast.tag}%' ORDER BY 1, 2"
        return [tuple(row) for row in fetch(dsn, mine)]

    def still():
        """What is there, if nothing is on its way and no job is about to change it."""
        before = digests()
        moving = any(place == "outbox" for found in before.values() for place, _ in found)
        return before if not moving and digests() == before else None

    return lambda: eventually(still)


def verdict(cast, operation, caller):
    """What an operation's declaration says to a caller: None if it lets them in."""
    if operation.access == "signed":
        return (200, 401)
    if operation.access == "public":
        return None
    if caller.token is None:
        return (401,)
    if is_let_in(cast, operation, caller):
        return None
    lacks_role = operation.access not in caller.roles
    return (403,) if operation.access in ("operator", "creator") and lacks_role else NOT_THEIRS


def is_let_in(cast, operation, caller):
    if operation.scope and caller.is_operator_with(operation.scope):
        return True
    if operation.access == "operator" or (
        operation.access == "creator" and "creator" not in caller.roles
    ):
        return False
    is_own = not cast.names_a_thing(operation) or caller.user in cast.owners(operation)
    return operation.access == "caller" or is_own


def refused(cast):
    for operation in OPERATIONS:
        for caller in cast.callers:
            expected = verdict(cast, operation, caller)
            if expected is not None:
                yield operation, caller, expected


def code_of(answer):
    problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    return answer.json()["code"] if problem else None


def test_every_operation_says_who_may_use_it():
    said = {operation.label: operation.access for operation in OPERATIONS}
    assert set(said.values()) == ACCESS
    assert {label for label, access in said.items() if access not in ACCESS} == set()
    for operation in OPERATIONS:
        is_operators = operation.path.startswith("/v1/operator/")
        assert (operation.access == "operator") == is_operators, operation.label
        assert bool(operation.scope) or not is_operators, operation.label
        has_token = any("bearer" in each for each in operation.described.get("security", ()))
        assert has_token == (operation.access not in WITHOUT_TOKEN), operation.label


def test_what_is_not_for_a_caller_is_refused_and_changes_nothing(cast, kept):
    before = kept()
    wrong, asked = [], 0
    for operation, caller, expected in refused(cast):
        answer = cast.ask_for(caller, operation)
        asked += 1
        fits = answer.status_code in expected
        if operation.access == "signed" and answer.status_code == 200:
            fits = answer.json().get("ErrorCode", 0) != 0
        if operation.access == "operator" and caller.token:
            fits = fits and code_of(answer) == "scope-missing"
        if not fits:
            wrong.append(f"{operation.label} as {caller.name}: {answer.status_code} {answer.text}")

    assert not wrong, "\n".join(wrong)
    assert asked > 15 * len(OPERATIONS)
    assert kept() == before


def test_what_is_ones_own_shows_nothing_of_others(cast):
    """A list names nobody: each caller who may read it sees what is theirs."""
    lists = [
        operation
        for operation in OPERATIONS
        if operation.method == "GET"
        and operation.access in ("own", "creator")
        and not cast.names_a_thing(operation)
    ]
    assert len(lists) > 5
    for operation in lists:
        for caller in cast.callers:
            if caller.user in (cast.viewer, cast.creator) or verdict(cast, operation, caller):
                continue
            answer = cast.ask_for(caller, operation)
            shown = {each for each in cast.ids() if each in answer.text}
            assert (shown, answer.status_code in (200, 404, 409)) == (set(), True), operation.label


def is_at(path, operation):
    """Whether a path is one of an operation's."""
    return re.fullmatch(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(operation.path)), path)


def test_a_method_that_no_operation_has_does_nothing(cast, kept):
    before = kept()
    for path, operations in DOCUMENT["paths"].items():
        declared = {method.upper() for method in operations}
        # It is answered as GET is, without the body.
        declared |= {"HEAD"} if "GET" in declared else set()
        (operation, *_) = (each for each in OPERATIONS if each.path == path)
        for method in set(METHODS) - declared:
            asked = cast.path_of(operation)
            # `reports` in a path may be the id of a file: then that operation is asked.
            meant = "GET" if method == "HEAD" else method
            if any(each.method == meant and is_at(asked, each) for each in OPERATIONS):
                continue
            for name in ("nobody", "operator with every scope"):
                answer = cast.ask(cast.caller(name), method, asked, body={})
                told = f"{method} {path}: {answer.status_code} {answer.text}"
                assert answer.status_code in (401, 404, 405, 501), told

    assert kept() == before


def people_named(cast, operation):
    """Whom a request names; a list that shows people and names none is about the empty name."""
    fields = {*operation.parameters("path"), *operation.required_queries()} & PERSON_FIELDS
    return {cast.value(operation, name) for name in fields}


def shows_people(schema):
    """Whether an answer names people, wherever in it."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    named = PERSON_FIELDS & schema.get("properties", {}).keys()
    parts = [*schema.get("properties", {}).values(), schema.get("items", {})]
    return bool(named) or any(shows_people(part) for part in parts if part)


def test_what_an_operator_reads_about_a_person_is_a_line_of_the_audit_log(cast, system):
    found = {}
    for operation in OPERATIONS:
        if operation.access != "operator" or operation.method != "GET":
            continue
        people = people_named(cast, operation)
        # A receipt is a page or a file, and its path names the person.
        content = operation.described["responses"]["200"]["content"]
        answered = content.get("application/json", {"schema": {}})
        if not people and not shows_people(answered["schema"]):
            continue
        caller = cast.caller(f"operator with {operation.scope}")
        answer = cast.ask_for(caller, operation)
        assert answer.status_code == 200, operation.label
        told = f"""SELECT user_id, operator, reason, at > now() - interval '1 minute' AS is_new,
            action FROM audit WHERE facts->>'request_id' = '{answer.headers["x-request-id"]}'"""
        lines = [tuple(row) for name in LEDGERS for row in fetch(system.postgres.dsn(name), told)]
        path = quote(unquote(cast.path_of(operation)))
        line = (caller.user, f"GET {path}", True, "read")
        if operation.label not in SHOWS_THE_LOG:
            assert lines == [(person, *line) for person in people or {""}], operation.label
        found[operation.label] = lines
    assert len(found) >= 13


@pytest.mark.parametrize("service", ["wallet", "payout", "gift", "purchase"])
def test_who_looks_into_the_log_for_a_person_is_in_it_and_may_leave_readers_out(cast, service):
    reader = cast.caller("operator with audit:read")

    def lines(**query):
        path = f"/v1/operator/{service}/audit"
        answer = cast.ask(reader, "GET", path, query={"user": cast.creator, **query})
        return [line["action"] for line in answer.json()["items"]]

    first, second = lines(), lines()
    assert first[0] == "read"
    assert len(second) == len(first) + 1
    assert "read" not in lines(reads=False)


def in_order():
    def place(operation):
        where = operation.label
        rank = 0 if where in FIRST else 2 + LAST.index(where) if where in LAST else 1
        return rank, operation.method != "GET", operation.method == "DELETE"

    return sorted(OPERATIONS, key=place)


def test_what_is_for_a_caller_is_done(cast):
    """The last test of this file: it ends what the others ask for."""
    wrong = []
    for operation in in_order():
        allowed = [each for each in cast.callers if verdict(cast, operation, each) is None]
        owners = cast.owners(operation)
        allowed.sort(key=lambda caller: (caller.user not in owners, len(caller.scopes)))
        for caller in allowed:
            answer = cast.ask_for(caller, operation)
            told = f"{operation.label} as {caller.name}: {answer.status_code} {answer.text}"
            code = code_of(answer)
            if answer.status_code == 401 or answer.status_code >= 500 or code in AUTHORITY:
                wrong.append(told)
            if caller is allowed[0]:
                expected = NOT_NOW.get(operation.label)
                is_done = code == expected if expected else answer.is_success
                if not is_done:
                    wrong.append(f"not done: {told}")

    assert not wrong, "\n".join(wrong)
