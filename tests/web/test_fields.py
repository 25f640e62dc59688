"""A field of a page takes what the API takes: no more, so that nothing is typed in vain."""

import json
import re

import pytest

from deploy.harness.gateway import OPENAPI_FILE
from services.web.pages import STATIC

SCHEMAS = json.loads(OPENAPI_FILE.read_text())["components"]["schemas"]
# By script and name: what of the API the field becomes.
FIELDS = {
    ("actions.js", "reason"): [
        "Why.reason",
        "OperatorRefundRequest.reason",
        "RefundDecline.reason",
        "Rejection.reason",
        "NewRedrive.reason",
    ],
    ("allowance.js", "threshold"): ["ScheduleRequest.threshold_diamonds"],
    ("appeals.js", "text"): ["AppealRequest.text"],
    ("buy.js", "promo_code"): ["PurchaseRequest.promo_code"],
    ("editor.js", "category"): ["GiftPatch.category"],
    ("editor.js", "level"): ["LocksRequest.gifter_level_min"],
    ("editor.js", "name"): ["GiftPatch.names"],
    ("editor.js", "price"): ["GiftPatch.price_coins"],
    ("editor.js", "reason"): ["GiftPatch.reason"],
    ("panel.js", "message"): ["SendGiftRequest.message"],
    # An account's name, or the e-mail address there, which is the longer one.
    ("payees.js", "destination"): ["DestinationRequest.email"],
    ("payees.js", "legal_name"): ["DestinationRequest.legal_name", "OnboardingRequest.legal_name"],
    ("reviews.js", "clause"): ["Rejection.clause"],
    ("reviews.js", "facts"): ["Rejection.facts"],
    ("shell.js", "reason"): ["Why.reason", "AppealDecision.reason"],
    ("studio.js", "goal"): ["SetGoalRequest.title"],
    ("studio.js", "perk"): ["PerkRequest.title"],
    ("studio.js", "target"): ["SetGoalRequest.target_coins"],
    ("studio.js", "thanks"): ["ThanksRequest.message"],
    ("studio.js", "threshold"): ["PerkRequest.threshold_coins"],
    ("streams.js", "title"): ["OpenRoomRequest.title"],
    ("studio.js", "uses"): ["PerkRequest.uses"],
    ("withdrawal.js", "name"): ["WithdrawalRequest.name"],
    ("withdrawal.js", "reply_to"): ["WithdrawalRequest.reply_to"],
}
# What no schema bounds, and what bounds it.
OTHERS = {
    ("adjustments.js", "adjustment"): "a pattern, and what a ledger takes at once",
    ("buy.js", "coins"): "the custom package that comes with the offers",
    ("disputes.js", "purchase"): "a pattern",
    ("disputes.js", "viewer"): "an address, in characters; a field counts some of them twice",
    ("editor_files.js", "animation"): "the bytes of a file, which the API reads",
    ("editor_files.js", "picture"): "the bytes of a file, which the API reads",
    ("editor_files.js", "seconds"): "what is kept are milliseconds, at most as many",
    ("events.js", "search"): "nothing: it is compared here, and sent nowhere",
    ("limits.js", "amount"): "its unit, whose decimals it has",
    ("panel.js", "search"): "nothing: it stays on the page",
    ("person_coins.js", "limit_amount"): "its unit, whose decimals it has",
    ("person_coins.js", "limit_unit"): "a pattern",
    ("person_rooms.js", "room"): "an address",
    ("search.js", "q"): "an address, in characters; a field counts some of them twice",
    ("streams.js", "room"): "an address",
    ("studio.js", "code"): "a pattern",
    ("teams.js", "team"): "the pattern of a team in a path",
}
FIELD = re.compile(r'el\("(?:input|textarea)", \{([^{}]*)')
CONSTANT = re.compile(r"const ([A-Z_]+) = ([\d_]+);")
NAME, TYPE = re.compile(r'\bname: "(\w+)"'), re.compile(r'\btype: "(\w+)"')
CHOSEN = ("radio", "checkbox")


def constants(script):
    """Return the numbers that a script names itself, or takes from others."""
    texts = [each.read_text() for each in STATIC.rglob("*.js") if each.name != script]
    # Its own come last: they count.
    texts.append(next(STATIC.rglob(script)).read_text())
    return dict(pair for text in texts for pair in CONSTANT.findall(text))


def typed_fields():
    """Return what each field that people type in says of itself, by script and name."""
    found = {}
    for script in STATIC.rglob("*.js"):
        for field in FIELD.findall(script.read_text()):
            kind, name = TYPE.search(field), NAME.search(field)
            if not (kind and kind[1] in CHOSEN):
                assert name, f"{script.name} has a field without a name: {field}"
                found[script.name, name[1]] = field
    return found


def bound(script, field, name):
    """Return a bound of a field, which says a number or the name of one."""
    found = re.search(rf"\b{name}: (\w+)", field)
    return found and int(constants(script).get(found[1], found[1]))


def schema_of(place):
    model, _, name = place.partition(".")
    found = SCHEMAS[model]["properties"][name]
    (found,) = [each for each in found.get("anyOf", [found]) if each["type"] != "null"]
    # Names in several languages: each of them is such a text.
    if found["type"] == "object":
        (found,) = found["patternProperties"].values()
    return found


def test_every_field_is_compared_with_what_the_api_takes():
    assert sorted(typed_fields()) == sorted(FIELDS | OTHERS)


@pytest.mark.parametrize(("script", "name"), FIELDS)
def test_a_field_takes_what_the_api_takes(script, name):
    field = typed_fields()[script, name]
    for place in FIELDS[script, name]:
        schema = schema_of(place)
        if schema["type"] == "string":
            assert bound(script, field, "maxlength") == schema["maxLength"], place
            # What may not be empty is required, or left out.
            least = schema.get("minLength", 1)
            assert (bound(script, field, "minlength") or 1) == least, place
        else:
            assert bound(script, field, "min") == schema.get("minimum", 1), place
            # A page may offer less: levels end at 50.
            assert bound(script, field, "max") <= schema["maximum"], place
