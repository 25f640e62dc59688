"""Within version 1 of the API something may be added; each break is said in words."""

import copy

import pytest

from deploy.ctl.contracts import api_breaks
from deploy.gateway.compatibility import breaks, promises

GIFT = "#/components/schemas/Gift"
ASK = "#/components/schemas/Ask"


@pytest.fixture
def old():
    ask = {
        "type": "object",
        "additionalProperties": False,
        "required": ["gift"],
        "properties": {
            "gift": {"type": "string", "format": "uuid"},
            "mood": {"type": "string", "enum": ["glad", "calm"]},
            "count": {"type": "integer", "minimum": 1, "maximum": 99, "default": 1},
            "note": {"anyOf": [{"type": "string", "maxLength": 80}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 9},
        },
    }
    gift = {
        "type": "object",
        "required": ["gift", "state", "again"],
        "properties": {
            "gift": {"type": "string", "format": "uuid"},
            "state": {"type": "string", "enum": ["sent", "refused"]},
            "coins": {"type": "integer"},
            "paid_at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            # A schema may hold itself.
            "again": {"type": "array", "items": {"$ref": GIFT}},
            "before": {"anyOf": [{"$ref": GIFT}, {"type": "null"}]},
        },
    }
    send = {
        "operationId": "send_gift",
        "security": [{"bearer": []}],
        "parameters": [
            {"in": "header", "name": "Key", "required": True, "schema": {"type": "string"}},
            {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 100}},
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": ASK}}},
        },
        "responses": {
            "201": {
                "headers": {"Replayed": {}},
                "content": {"application/json": {"schema": {"$ref": GIFT}}},
            },
            "402": {"description": "`no-coins`: There are none."},
        },
    }
    return {
        "paths": {"/gifts": {"post": send}},
        "components": {"schemas": {"Ask": ask, "Gift": gift}},
    }


@pytest.fixture
def new(old):
    return copy.deepcopy(old)


def send(document):
    return document["paths"]["/gifts"]["post"]


def asked(document):
    return document["components"]["schemas"]["Ask"]["properties"]


def answered(document):
    return document["components"]["schemas"]["Gift"]["properties"]


def schema(document, name):
    return document["components"]["schemas"][name]


ALLOWED = {
    "another operation": lambda d: d["paths"].update({"/new": {"get": send(d)}}),
    "an optional parameter": lambda d: send(d)["parameters"].append(
        {"in": "query", "name": "more", "schema": {"type": "string"}}
    ),
    "an optional field to send": lambda d: asked(d).update(more={"type": "string"}),
    "a field to read": lambda d: answered(d).update(more={"type": "string"}),
    "a wider bound": lambda d: asked(d)["count"].update(maximum=999, minimum=0),
    "a value more to send": lambda d: asked(d)["mood"]["enum"].append("wild"),
    "a value less to read": lambda d: answered(d)["state"]["enum"].pop(),
    "a number for an integer that is sent": lambda d: asked(d)["count"].update(type="number"),
    "less to be allowed": lambda d: send(d).update(security=[]),
    "another way to be allowed": lambda d: send(d)["security"].append({"key": []}),
    "another refusal": lambda d: send(d)["responses"].update({"409": {"description": "No."}}),
    "no longer a refusal": lambda d: send(d)["responses"].pop("402"),
    "other words": lambda d: asked(d)["gift"].update(description="Which one.", examples=["x"]),
    "null no more to read": lambda d: answered(d).update(
        paid_at={"type": "string", "format": "date-time"}
    ),
    "a field that is always there now": lambda d: schema(d, "Gift")["required"].append("coins"),
}
REFUSED = {
    "/gifts is gone": lambda d: d["paths"].clear(),
    "POST /gifts is gone": lambda d: d["paths"]["/gifts"].pop("post"),
    "its operationId was `send_gift` and is `give`": lambda d: send(d).update(operationId="give"),
    "the query parameter `limit` is gone": lambda d: send(d)["parameters"].pop(),
    "`limit` was optional and is required": lambda d: send(d)["parameters"][1].update(
        required=True
    ),
    "`limit` is narrower: its maximum was 100 and is 50": lambda d: send(d)["parameters"][1][
        "schema"
    ].update(maximum=50),
    "`room` is new and required": lambda d: send(d)["parameters"].append(
        {"in": "query", "name": "room", "required": True, "schema": {"type": "string"}}
    ),
    "it takes no body any more": lambda d: send(d).pop("requestBody"),
    "the body is no longer application/json": lambda d: send(d)["requestBody"].update(content={}),
    "the field `note` is gone": lambda d: asked(d).pop("note"),
    "the field `mood` is required now": lambda d: schema(d, "Ask")["required"].append("mood"),
    "the field `more` is required now": lambda d: (
        asked(d).update(more={"type": "string"}),
        schema(d, "Ask")["required"].append("more"),
    ),
    "the body.mood no longer takes the value calm": lambda d: asked(d)["mood"]["enum"].pop(),
    "the body.gift no longer takes the value any": lambda d: asked(d)["gift"].update(enum=["a"]),
    "its maximum was 99 and is 9": lambda d: asked(d)["count"].update(maximum=9),
    "its minimum was 1 and is 2": lambda d: asked(d)["count"].update(minimum=2),
    "its pattern was free and is ^a": lambda d: asked(d)["gift"].update(pattern="^a"),
    "its maxLength was 80 and is 8": lambda d: asked(d)["note"]["anyOf"][0].update(maxLength=8),
    "its maxItems was 9 and is 1": lambda d: asked(d)["tags"].update(maxItems=1),
    "the body.count was integer too and is only string": lambda d: asked(d)["count"].update(
        type="string"
    ),
    "the body.note was null too": lambda d: asked(d)["note"]["anyOf"].pop(),
    "the body.tags[] was string too": lambda d: asked(d)["tags"]["items"].update(type="integer"),
    "had the format uuid and has date": lambda d: asked(d)["gift"].update(format="date"),
    "the body.count has another default": lambda d: asked(d)["count"].update(default=2),
    "it answers 201 no more": lambda d: send(d)["responses"].pop("201"),
    "it also answers 202": lambda d: send(d)["responses"].update({"202": {}}),
    "has no header `Replayed` any more": lambda d: send(d)["responses"]["201"].pop("headers"),
    "the answer 201 is no longer application/json": lambda d: send(d)["responses"]["201"].update(
        content={}
    ),
    "the answer 201: the field `coins` is gone": lambda d: answered(d).pop("coins"),
    "the field `state` was always there and may be missing": lambda d: schema(d, "Gift")[
        "required"
    ].remove("state"),
    "may have the new value held": lambda d: answered(d)["state"]["enum"].append("held"),
    "may have the new value any": lambda d: answered(d)["state"].pop("enum"),
    "201.coins was integer and may be string": lambda d: answered(d)["coins"].update(type="string"),
    "201.coins was integer and may be null": lambda d: answered(d).update(
        coins={"anyOf": [{"type": "integer"}, {"type": "null"}]}
    ),
    "201.gift had the format uuid and has None": lambda d: answered(d)["gift"].pop("format"),
    "bearer is not enough any more": lambda d: send(d).update(security=[{"bearer": ["creator"]}]),
}


@pytest.mark.parametrize("change", ALLOWED)
def test_what_is_added_passes(old, new, change):
    ALLOWED[change](new)

    assert breaks(old, new) == []


@pytest.mark.parametrize("words", REFUSED)
def test_what_breaks_clients_is_refused_in_words(old, new, words):
    REFUSED[words](new)

    assert any(words in text for text in breaks(old, new)), breaks(old, new)
    assert all(text.startswith("POST /gifts") for text in breaks(old, new))


def test_what_is_kept_of_a_release_is_all_that_is_compared(old, new):
    answered(old)["description"] = {"type": "string", "description": "A field of that name."}
    kept = promises(old)

    assert answered(kept)["description"] == {"type": "string"}
    assert breaks(kept, old) == []
    assert any("`description` is gone" in text for text in breaks(kept, new))


def test_the_api_breaks_no_promise_of_the_last_release():
    assert api_breaks() == []


def test_fields_that_are_closed_later_are_refused(old, new):
    del schema(old, "Ask")["additionalProperties"]

    (text,) = breaks(old, new)

    assert "takes no unknown fields any more" in text


def test_a_token_where_none_was_needed_is_refused(old, new):
    send(old)["security"] = []

    (text,) = breaks(old, new)

    assert "no token is not enough any more" in text
