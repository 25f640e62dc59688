"""Giving other teams what they may read on the broker, changing it, and taking it away."""

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from deploy.ctl.installation import Installation
from shared.contracts.routes import QUEUES
from shared.messaging.teams import (
    PREFIX,
    USER_LIMITS,
    Team,
    events_exchanges,
    record_name,
    team_topology,
)
from shared.messaging.topology import a_user

PASSWORD_BYTES = 32
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Given:
    """What became of a grant: a password if there is a new one."""

    team: Team
    password: str | None


def teams(installation: Installation) -> list[Team]:
    """Return the teams of this installation, from what the broker itself keeps."""
    records = installation.manage("GET", "/api/global-parameters")
    return sorted(
        (
            Team.recorded(each["value"])
            for each in records
            if each["name"].startswith(f"ovation.{PREFIX}")
            and each["value"]["vhost"] == installation.vhost
        ),
        key=lambda team: team.name,
    )


def queues(installation: Installation) -> tuple[str, ...]:
    """Return every queue that hears events: the services' and the teams'."""
    return (*QUEUES, *(team.queue for team in teams(installation)))


def give(installation: Installation, team: Team, *, new_password: bool = False) -> Given:
    """
    Make a team's user, queue and bindings, or change them to what is granted now.

    A password that exists is kept unless a new one is asked for.
    """
    password = None
    document: dict[str, list[dict[str, Any]]] = {
        kind: [{**thing, "vhost": installation.vhost} for thing in things]
        for kind, things in team_topology(team).items()
    }
    document["global_parameters"] = [team.record(installation.vhost)]
    if new_password or not _exists(installation, f"/api/users/{team.user}"):
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        document["users"] = [a_user(team.user, password)]
    # What is no longer granted goes first: between the two the team has less, never more.
    _unbind(installation, team)
    installation.manage("POST", "/api/definitions", document)
    for limit, value in USER_LIMITS.items():
        installation.manage("PUT", f"/api/user-limits/{team.user}/{limit}", {"value": value})
    return Given(team, password)


def take_away(installation: Installation, team: Team) -> None:
    """Remove a team with all that waits for it; whoever is connected as its user is cut off."""
    installation.manage("DELETE", f"/api/users/{team.user}")
    for queue in (team.queue, f"{team.queue}.dlq"):
        installation.manage("DELETE", f"{installation.within('queues')}/{queue}")
    installation.manage("DELETE", f"{installation.within('policies')}/{team.queue}")
    record = quote(record_name(team.name, installation.vhost), safe="")
    installation.manage("DELETE", f"/api/global-parameters/{record}")


async def standing(installation: Installation, found: list[Team]) -> list[dict[str, object]]:
    """
    Return what each team has, and how it is doing.

    `letters` counts what left its queue unread: the oldest of a full queue, and what it refused.
    """
    rows: list[dict[str, object]] = []
    async with installation.connect() as connection:
        for team in found:
            channel = await connection.channel()
            queue = await channel.declare_queue(team.queue, passive=True)
            letters = await channel.declare_queue(f"{team.queue}.dlq", passive=True)
            await channel.close()
            rows.append(
                {
                    "team": team.name,
                    "hears": " ".join(team.hears),
                    "logs": " ".join(team.logs),
                    "consumers": queue.declaration_result.consumer_count,
                    "waiting": queue.declaration_result.message_count,
                    "at_most": team.messages_max,
                    "letters": letters.declaration_result.message_count,
                }
            )
    return rows


def _unbind(installation: Installation, team: Team) -> None:
    """Take away bindings to events the team is not to hear any more."""
    for exchange in events_exchanges():
        path = f"{installation.within('bindings')}/e/{exchange}/q/{team.queue}"
        try:
            bindings = installation.manage("GET", path)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != NOT_FOUND:
                raise
            continue
        for binding in bindings:
            if binding["routing_key"] not in team.hears:
                installation.manage("DELETE", f"{path}/{quote(binding['properties_key'], safe='')}")


def _exists(installation: Installation, path: str) -> bool:
    try:
        installation.manage("GET", path)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != NOT_FOUND:
            raise
        return False
    return True
