"""Whether the broker has what the services need: exchanges, queues, bindings, policies."""

from collections.abc import Iterable, Mapping
from typing import Any

from deploy.ctl.places import Places
from shared.messaging.topology import topology

Thing = Mapping[str, Any]

# What tells two things of a kind apart, and what must be the same of both.
_NAMES = {
    "exchanges": ("name",),
    "queues": ("name",),
    "policies": ("name",),
    "bindings": ("source", "destination", "destination_type", "routing_key"),
}
_PROPERTIES = {
    "exchanges": ("type", "durable", "auto_delete"),
    "queues": ("durable", "auto_delete", "arguments"),
    "policies": ("pattern", "apply-to", "definition"),
    "bindings": (),
}
# Ours by their names; everything else on the broker belongs to other teams.
_OURS = ("ovation.", "purchase.", "wallet.", "gift.", "payout.", "live.")


def differences(places: Places) -> list[dict[str, object]]:
    """Return what is missing, what is different, and what of ours should not be there."""
    wanted, found = topology(), {kind: _found(places, kind) for kind in _NAMES}
    rows: list[dict[str, object]] = []
    for kind in _NAMES:
        have = {_name(kind, thing): thing for thing in found[kind]}
        want = {_name(kind, thing): thing for thing in wanted[kind]}
        for name, thing in want.items():
            if name not in have:
                missing: dict[str, object] = {"kind": kind, "name": " ".join(name)}
                rows.append({**missing, "state": "missing"})
            elif changed := _changed(kind, thing, have[name]):
                name_shown: object = " ".join(name)
                rows.append({"kind": kind, "name": name_shown, "state": f"other {changed}"})
        rows += [
            {"kind": kind, "name": " ".join(name), "state": "extra"}
            for name in have
            if name not in want and _is_ours(kind, name)
        ]
    return rows


def apply(places: Places) -> list[dict[str, object]]:
    """Make what is missing; return what still differs, for a queue's arguments cannot change."""
    document = {
        kind: [{**thing, "vhost": places.vhost} for thing in things]
        for kind, things in topology().items()
        if kind != "vhosts"
    }
    broken = {row["name"] for row in differences(places) if str(row["state"]).startswith("other")}
    # The broker refuses a document as a whole if it declares one thing differently.
    for kind in ("queues", "exchanges"):
        document[kind] = [thing for thing in document[kind] if thing["name"] not in broken]
    places.manage("POST", f"/api/definitions/{places.within('').rpartition('/')[2]}", document)
    return differences(places)


def _found(places: Places, kind: str) -> Iterable[Thing]:
    things: list[Thing] = places.manage("GET", places.within(kind))
    # Each queue is bound to the nameless exchange by its own name, always.
    return [thing for thing in things if kind != "bindings" or thing["source"]]


def _name(kind: str, thing: Thing) -> tuple[str, ...]:
    return tuple(str(thing[part]) for part in _NAMES[kind])


def _changed(kind: str, wanted: Thing, found: Thing) -> str:
    return ", ".join(name for name in _PROPERTIES[kind] if wanted[name] != found.get(name))


def _is_ours(kind: str, name: tuple[str, ...]) -> bool:
    return kind != "policies" and name[1 if kind == "bindings" else 0].startswith(_OURS)
