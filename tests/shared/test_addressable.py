"""
What stands in a path can be addressed: another value never comes into being.

The parameters come from the services' OpenAPI documents; one that is new fails until it is said
how its values come into being.
"""

from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from pydantic import TypeAdapter, ValidationError

from services.gift.api.tencent import Callback
from services.gift.main import read_catalogue
from services.wallet.commands.holds import KEY_CHARACTERS_MAX, hold_key
from shared.contracts.purchase import PurchaseRiskFlagged
from shared.http import Name, UserId
from shared.http.people import PERSON_FIELDS
from shared.http.person_paths import NO_PERSON, person_in, person_part
from shared.identity.claims import is_addressable
from shared.identity.tokens import Unauthenticated
from shared.messaging.teams import NotGranted, Team
from tests.clients import a_token, a_verifier, client_of

UNADDRESSABLE = ["a/b", "/", "a\\b", ".", "..", " .. ", " ", "a\nb", "a\x00b", "a\x85b"]
# A person is encoded in a path whatever their id is, except that nobody is called these.
NO_PEOPLE = [" ", "a\nb", "a\x00b", "a\x85b", "me", " me "]
# They are encoded in a path, as clients do; ids of Tencent's groups begin like the first.
ADDRESSABLE = ["@TGS#1ABC", "a?b", "a%2Fb", "100%", "...", ".well-known", "a b", "ä|1"]
# How the values of each parameter come into being, beside those that are ours: UUIDs and enums.
PEOPLE = {"user", "viewer", "creator", "guest"}
SOURCES = {
    **dict.fromkeys(PEOPLE, "the subject of a token"),
    "room": "bodies and paths of routes, Tencent's callback",
    "gift_type": "bodies of routes, a file",
    "campaign": "the path of the route that makes it",
    "hold": "a provider's warning",
    "file": "the digest of what is uploaded",
    "statement": "a pattern: a month or a year",
    "team": "the command that adds a team",
    "currency": "the path of the route that makes it: a code of ISO 4217",
    "provider": "the setting of a service",
    "provider_name": "the setting of a service",
}
OPERATOR_CLAIMS = {
    "roles": ["operator", "creator"],
    "scope": "rooms:write catalogue:write adjustments:write wallets:freeze audit:read"
    " disputes:read gifts:moderate",
}


def operations(apps):
    for app in apps.values():
        document = app.openapi()
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                yield app, document, method.upper(), path, operation


def is_ours(schema):
    return schema.get("format") == "uuid" or "$ref" in schema or "enum" in schema


def properties_of(document, operation):
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"].get(name, {}).get("properties", {})


def names_in_paths(apps):
    return {
        parameter["name"]
        for *_, operation in operations(apps)
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "path" and not is_ours(parameter["schema"])
    }


def test_of_every_parameter_it_is_known_how_its_values_come_into_being(apps):
    assert names_in_paths(apps) == set(SOURCES)


def filled(path, values):
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    parts = (str(uuid4()) if part.startswith("{") else part for part in path.split("/"))
    return "/".join(parts)


async def test_no_body_or_query_sets_a_value_that_no_path_can_hold(apps):
    """Nothing else of these bodies is right: what is looked for is the fault of the one field."""
    asked = set()
    names = names_in_paths(apps)
    for app, document, method, path, operation in operations(apps):
        queries = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
        fields = {("query", name) for name in queries & names}
        fields |= {("body", name) for name in set(properties_of(document, operation)) & names}
        for where, name in sorted(fields):
            for value in NO_PEOPLE if name in PEOPLE else UNADDRESSABLE:
                sent = {"params" if where == "query" else "json": {name: value}}
                async with client_of(app, a_token(**OPERATOR_CLAIMS)) as client:
                    client.headers["Idempotency-Key"] = "any"
                    address = filled(path, {"room": "room-1", "user": "mira"})
                    answer = await client.request(method, address, **sent)
                problem = answer.json()
                assert problem["code"] == "invalid-request", (method, path, value, problem)
                faults = {fault["where"].split(".")[:2][-1] for fault in problem["errors"]}
                assert name in faults, (method, path, name, value, problem)
            asked.add(name)
    # Only people besides are set elsewhere alone: in their tokens.
    assert asked == {"user", "viewer", "creator", "room", "gift_type", "currency", "provider"}


@pytest.mark.parametrize("value", [" ", "a\nb", "a\x85b"])
async def test_no_path_sets_a_room_or_a_guest_that_no_path_can_hold(apps, value):
    """Others than these do not even reach a route: a slash, encoded or not, is another path."""
    token = a_token(**OPERATOR_CLAIMS)
    room = f"/v1/rooms/{quote(value, safe='')}/stream"
    guest = f"/v1/rooms/room-1/guests/{quote(person_part(value), safe='')}"
    async with client_of(apps["live"], token) as client:
        answers = [await client.put(path, json={}) for path in (room, guest)]

    assert [answer.json()["code"] for answer in answers] == ["invalid-request"] * 2


async def test_every_path_reads_encoded_people(apps):
    """What is encoded as no id would be names nobody: a route that refuses it has read it."""
    asked = 0
    for app, _, method, path, operation in operations(apps):
        people = PERSON_FIELDS & {part[1:-1] for part in path.split("/") if part[:1] == "{"}
        for person in people:
            scopes = [operation["x-scope"]] if "x-scope" in operation else []
            token = a_token(roles=["operator", "creator"], scopes=scopes)
            filled_in = path.replace(f"{{{person}}}", "~!")
            address = filled(filled_in, dict.fromkeys(people - {person}, "mira"))
            async with client_of(app, token) as client:
                client.headers["Idempotency-Key"] = "any"
                answer = await client.request(method, address, json={})
            places = [fault["where"] for fault in answer.json().get("errors", [])]
            assert f"path.{person}" in places, (method, path, answer.json())
            asked += 1
    assert asked > 40


@pytest.mark.parametrize("user", [*ADDRESSABLE, "a/b", "/", "a\\b", ".", "..", "~", "~YQ", "ä/😀"])
def test_a_person_in_a_path_is_read_back(user):
    part = person_part(user)

    assert is_addressable(part)
    assert person_in(part) == user
    assert (part == user) == (is_addressable(user) and not user.startswith("~"))


@pytest.mark.parametrize(
    "part", ["~", "~!", "~YQ==", "~YR", "~Y", "~_w", "~bWU", "~IG1lIA", "~Y\nQ"]
)
def test_what_is_encoded_otherwise_names_nobody(part):
    """Not the caller in disguise, and not one person in two spellings."""
    assert person_in(part) == NO_PERSON


@pytest.mark.parametrize("value", NO_PEOPLE)
async def test_no_token_is_of_a_person_that_no_path_can_hold(value):
    with pytest.raises(Unauthenticated):
        await a_verifier().verify(a_token(value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, value) for field in ("RoomId", "GiftId") for value in UNADDRESSABLE),
        *((field, value) for field in ("From_Account", "To_Account") for value in NO_PEOPLE),
    ],
)
def test_no_callback_of_tencent_brings_a_value_that_no_path_can_hold(field, value):
    gift = {"From_Account": "mira", "To_Account": ["lea"], "Time": 1, "GiftId": "g_pebble"}
    said = {"CallbackCommand": "any", "RoomId": "@TGS#1", "GiftWater": {**gift, "Count": 1}}
    said["GiftWater"]["Coins"] = 1
    Callback.model_validate(said)
    place = said if field == "RoomId" else said["GiftWater"]
    place[field] = [value] if field == "To_Account" else value

    with pytest.raises(ValidationError):
        Callback.model_validate(said)


@pytest.mark.parametrize("value", [*UNADDRESSABLE, "a" * KEY_CHARACTERS_MAX])
def test_coins_are_held_under_a_key_that_a_path_can_hold_whatever_a_provider_calls_its_warning(
    value,
):
    def key(warning):
        about = {"purchase": uuid4(), "viewer": "mira", "reason": "fraud"}
        return hold_key(PurchaseRiskFlagged.model_construct(**about, warning=warning))

    assert is_addressable(key(value))
    assert key(value).isprintable()
    assert len(key(value)) <= KEY_CHARACTERS_MAX
    assert key(value) != key(f"{value}-")
    assert key("efw_1") == "risk:efw_1"


@pytest.mark.parametrize("value", ["a/b", "..", "a b", "A", "", "a" * 21])
def test_a_file_with_a_gift_that_no_path_can_hold_stops_the_service(tmp_path, value):
    seeds = Path("seeds/gifts.toml").read_text(encoding="utf-8")
    file = tmp_path / "gifts.toml"
    file.write_text(seeds.replace('"g_clover"', f'"{value}"'), encoding="utf-8")

    with pytest.raises(AssertionError, match="is no id of a gift"):
        read_catalogue(file)


@pytest.mark.parametrize("value", UNADDRESSABLE)
def test_no_team_has_a_name_that_no_path_can_hold(value):
    with pytest.raises(NotGranted, match="name"):
        Team.granted(value, reads=["gift"], hears=[], logs=[])


@pytest.mark.parametrize("value", ADDRESSABLE)
@pytest.mark.parametrize("kind", [Name, UserId])
def test_what_clients_encode_is_a_name(kind, value):
    assert TypeAdapter(kind).validate_python(value) == value
