"""What other teams may read on the broker: grant it, change it, remove it."""

import secrets
from collections.abc import Collection
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
    """The result of a grant: the team, and its password if there is a new one."""

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
    """Return every queue that receives events: the services' and the teams'."""
    return (*QUEUES, *(team.queue for team in teams(installation)))


def give(installation: Installation, team: Team, *, new_password: bool = False) -> Given:
    """
    Make a team's user, queue and bindings, or change them to what is granted now.

    A password that exists is kept unless a new one is asked for.
    """
    password = None
    document: dict[str, list[dict[str, Any]]] = {
        kind: [{**item, "vhost": installation.vhost} for item in items]
        for kind, items in team_topology(team).items()
    }
    document["global_parameters"] = [team.record(installation.vhost)]
    if new_password or not _exists(installation, f"/api/users/{team.user}"):
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        document["users"] = [a_user(team.user, password)]
    # Bindings that are no longer granted go first: in between the team has fewer, never more.
    unbind_others(installation, f"q/{team.queue}", team.hears)
    installation.manage("POST", "/api/definitions", document)
    for limit, value in USER_LIMITS.items():
        installation.manage("PUT", f"/api/user-limits/{team.user}/{limit}", {"value": value})
    return Given(team, password)


def take_away(installation: Installation, team: Team) -> None:
    """Remove a team and its waiting messages; the broker closes its user's connections."""
    installation.manage("DELETE", f"/api/users/{team.user}")
    for queue in (team.queue, f"{team.queue}.dlq"):
        installation.manage("DELETE", f"{installation.within('queues')}/{queue}")
    installation.manage("DELETE", f"{installation.within('policies')}/{team.queue}")
    record = quote(record_name(team.name, installation.vhost), safe="")
    installation.manage("DELETE", f"/api/global-parameters/{record}")


async def team_rows(installation: Installation, found: list[Team]) -> list[dict[str, object]]:
    """
    Return one row for each team: its grants, its consumers, its waiting messages.

    `dead_letters` are: the oldest messages of a full queue, and rejected ones.
    """
    rows: list[dict[str, object]] = []
    async with installation.connect() as connection:
        for team in found:
            channel = await connection.channel()
            queue = await channel.declare_queue(team.queue, passive=True)
            dead_letters = await channel.declare_queue(f"{team.queue}.dlq", passive=True)
            await channel.close()
            rows.append(
                {
                    "team": team.name,
                    "hears": " ".join(team.hears),
                    "logs": " ".join(team.logs),
                    "consumers": queue.declaration_result.consumer_count,
                    "waiting": queue.declaration_result.message_count,
                    "at_most": team.messages_max,
                    "dead_letters": dead_letters.declaration_result.message_count,
                }
            )
    return rows


def unbind_others(installation: Installation, end: str, events: Collection[str]) -> None:
    """Remove bindings of an end (`q/<queue>` or `e/<exchange>`) to all events but these."""
    for exchange in events_exchanges():
        path = f"{installation.within('bindings')}/e/{exchange}/{end}"
        try:
            bindings = installation.manage("GET", path)
        except httpx.HTTPStatusError as error:
            if error.response.status_code != NOT_FOUND:
                raise
            continue
        for binding in bindings:
            if binding["routing_key"] not in events:
                installation.manage("DELETE", f"{path}/{quote(binding['properties_key'], safe='')}")


def _exists(installation: Installation, path: str) -> bool:
    try:
        installation.manage("GET", path)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != NOT_FOUND:
            raise
        return False
    return True
