"""Whether the broker has what services and teams need: exchanges, queues, bindings, policies."""

from collections.abc import Iterable, Mapping
from typing import Any

from deploy.config.services import DATABASES
from deploy.ctl import hooks
from deploy.ctl.installation import Installation
from deploy.ctl.teams import teams
from shared.messaging.teams import PREFIX, team_topology
from shared.messaging.topology import (
    AUDITOR_USER,
    USER_LIMITS,
    a_user,
    rights,
    topology,
    user_names,
)
from shared.secrets import values_of

# One exchange, queue, binding, policy or permission, as the management API writes it.
Item = Mapping[str, Any]

# The fields that identify an item of a kind, and those that must agree.
_NAMES = {
    "exchanges": ("name",),
    "queues": ("name",),
    "policies": ("name",),
    "bindings": ("source", "destination", "destination_type", "routing_key"),
    "permissions": ("user",),
    "topic_permissions": ("user", "exchange"),
}
_PROPERTIES = {
    "exchanges": ("type", "durable", "auto_delete"),
    "queues": ("durable", "auto_delete", "arguments"),
    "policies": ("pattern", "apply-to", "definition"),
    "bindings": (),
    "permissions": ("configure", "write", "read"),
    "topic_permissions": ("write", "read"),
}
_USERS = (*user_names(), PREFIX)
# Names of ours and of the teams. Items of other names are not looked at.
_OURS = ("ovation.", *(f"{service}." for service in DATABASES), PREFIX)


def differences(installation: Installation) -> list[dict[str, object]]:
    """Return what is missing, what is different, and what of ours should not be there."""
    wanted, found = _wanted(installation), {kind: _found(installation, kind) for kind in _NAMES}
    rows: list[dict[str, object]] = []
    for kind in _NAMES:
        have = {_name(kind, item): item for item in found[kind]}
        want = {_name(kind, item): item for item in wanted.get(kind, ())}
        for name, item in want.items():
            if name not in have:
                missing: dict[str, object] = {"kind": kind, "name": " ".join(name)}
                rows.append({**missing, "state": "missing"})
            elif changed := _changed(kind, item, have[name]):
                name_shown: object = " ".join(name)
                rows.append({"kind": kind, "name": name_shown, "state": f"other {changed}"})
        rows += [
            {"kind": kind, "name": " ".join(name), "state": "extra"}
            for name in have
            if name not in want and _is_ours(kind, name)
        ]
    return rows


def apply(installation: Installation, *, both_versions: bool = False) -> list[dict[str, object]]:
    """
    Make what is missing; return what still differs, for a queue's arguments cannot change.

    With `both_versions` services may also publish where the version before did: for as long as
    it runs beside this one. Without it they may not any more.
    """
    document = {
        kind: [{**item, "vhost": installation.vhost} for item in items]
        for kind, items in _wanted(installation, both_versions=both_versions).items()
        if kind != "vhosts"
    }
    if AUDITOR_USER not in {user["name"] for user in installation.manage("GET", "/api/users")}:
        password = values_of(installation.secret(f"{AUDITOR_USER}_broker_password"))[0]
        document["users"] = [a_user(AUDITOR_USER, password)]
    broken = {
        row["name"] for row in differences(installation) if str(row["state"]).startswith("other")
    }
    # The broker refuses the whole document if one item in it differs from what exists.
    for kind in ("queues", "exchanges"):
        document[kind] = [item for item in document[kind] if item["name"] not in broken]
    installation.manage("POST", "/api/definitions", document)
    # Of users that are there, with passwords we do not know.
    for user, limits in USER_LIMITS.items():
        for limit, value in limits.items():
            installation.manage("PUT", f"/api/user-limits/{user}/{limit}", {"value": value})
    return differences(installation)


def _wanted(
    installation: Installation, *, both_versions: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """Return what the services need and may do, and what teams were granted."""
    documents = [
        topology(installation.partitions),
        rights(both_versions=both_versions),
        *(team_topology(team) for team in teams(installation)),
        {"bindings": hooks.wanted_bindings(installation)},
    ]
    kinds = {kind for document in documents for kind in document}
    return {kind: [item for each in documents for item in each.get(kind, ())] for kind in kinds}


def _found(installation: Installation, kind: str) -> Iterable[Item]:
    if kind.endswith("permissions"):
        path = f"/api/vhosts/{installation.within('').rpartition('/')[2]}/{kind.replace('_', '-')}"
        found: list[Item] = installation.manage("GET", path)
        return [right for right in found if right["user"].startswith(_USERS)]
    items: list[Item] = installation.manage("GET", installation.within(kind))
    # Each queue is bound to the nameless exchange by its own name, always.
    return [item for item in items if kind != "bindings" or item["source"]]


def _name(kind: str, item: Item) -> tuple[str, ...]:
    return tuple(str(item[part]) for part in _NAMES[kind])


def _changed(kind: str, wanted: Item, found: Item) -> str:
    return ", ".join(name for name in _PROPERTIES[kind] if wanted[name] != found.get(name))


def _is_ours(kind: str, name: tuple[str, ...]) -> bool:
    if kind.endswith("permissions"):
        return name[0] in user_names() or name[0].startswith(PREFIX)
    return kind != "policies" and name[1 if kind == "bindings" else 0].startswith(_OURS)
