"""
Events for teams that have no broker: what each may have, and what therefore comes to our queue.

A team gets no event this way that it could not be granted at the broker (`Team.granted`). Only the
owner of the tables may grant: the service reads. What was granted to any team is bound to the
queue, and is stored on the broker, so that every operator's `topology check` knows it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from deploy.ctl.audit import recorded
from deploy.ctl.installation import Installation
from deploy.ctl.teams import unbind_others
from shared.messaging.partitions import Spread, spreads_of
from shared.messaging.teams import Team
from shared.messaging.topology import event_bindings
from shared.postgres.statements import text

SERVICE, QUEUE = "webhooks", "webhooks.events"


async def grant(installation: Installation, team: Team) -> None:
    """Let a team have these events, and no others, at addresses of its own."""
    act = recorded(installation, "hooks.grant", team=team.name, events=list(team.reads))
    async with act:
        async with installation.owning(SERVICE) as tx:
            asked = {"team": team.name, "events": list(team.reads)}
            await tx.execute(_FORGET_OTHERS, asked)
            await tx.execute(_GRANT, asked)
        bind(installation, await granted_events(installation))


async def revoke(installation: Installation, team: str) -> bool:
    """Let a team have nothing any more; its endpoints stay. False if it had nothing."""
    async with recorded(installation, "hooks.revoke", team=team) as result:
        async with installation.owning(SERVICE) as tx:
            gone = await tx.execute(_REVOKE, {"team": team})
        result["events"] = len(gone)
        bind(installation, await granted_events(installation))
    return bool(gone)


async def granted_events(installation: Installation) -> list[str]:
    """Return what any team was granted."""
    async with installation.reading(SERVICE) as tx:
        return [row.event for row in await tx.execute(_GRANTED)]


async def team_rows(installation: Installation) -> list[dict[str, object]]:
    """Return one row for each team: its events, endpoints and deliveries."""
    async with installation.reading(SERVICE) as tx:
        rows = await tx.execute(_TEAMS)
    return [
        {
            "team": row.team,
            "events": " ".join(row.events),
            "endpoints": row.endpoints,
            "disabled": row.disabled,
            "pending": row.pending,
            "failed": row.failed,
        }
        for row in rows
    ]


def bind(installation: Installation, events: Sequence[str]) -> None:
    """Bind the queue to these events, and to no others."""
    spread = spreads_of(QUEUE, installation.partitions)[-1]
    kind = "q" if spread.exchange is None else "e"
    unbind_others(installation, f"{kind}/{spread.entry}", events)
    document = {
        "global_parameters": [
            {
                "name": _record_name(installation),
                "value": {"vhost": installation.vhost, "events": list(events)},
            }
        ],
        "bindings": [{**each, "vhost": installation.vhost} for each in _bindings(spread, events)],
    }
    installation.manage("POST", "/api/definitions", document)


def wanted_bindings(installation: Installation) -> list[dict[str, Any]]:
    """Return the bindings that follow from what the broker knows to be granted."""
    spread = spreads_of(QUEUE, installation.partitions)[-1]
    name = _record_name(installation)
    for each in installation.manage("GET", "/api/global-parameters"):
        if each["name"] == name:
            return _bindings(spread, each["value"]["events"])
    return []


def _bindings(spread: Spread, events: Iterable[str]) -> list[dict[str, Any]]:
    return [each for event in events for each in event_bindings(spread, event)]


def _record_name(installation: Installation) -> str:
    return f"ovation.{SERVICE}@{installation.vhost}"


_FORGET_OTHERS = text("""
    DELETE FROM grants WHERE team = :team AND event <> ALL (CAST(:events AS text[]))
""")
_GRANT = text("""
    INSERT INTO grants (team, event)
    SELECT CAST(:team AS text), event FROM unnest(CAST(:events AS text[])) AS event
    ON CONFLICT DO NOTHING
""")
_REVOKE = text("DELETE FROM grants WHERE team = :team RETURNING event")
_GRANTED = text("SELECT DISTINCT event FROM grants ORDER BY event")
_TEAMS = text("""
    SELECT grants.team, array_agg(grants.event ORDER BY grants.event) AS events,
        coalesce(max(known.endpoints), 0) AS endpoints,
        coalesce(max(known.disabled), 0) AS disabled,
        coalesce(max(known.pending), 0)::bigint AS pending,
        coalesce(max(known.failed), 0)::bigint AS failed
    FROM grants LEFT JOIN (
        SELECT endpoints.team, count(*) AS endpoints,
            count(*) FILTER (WHERE endpoints.disabled IS NOT NULL) AS disabled,
            sum(sent.pending) AS pending, sum(sent.failed) AS failed
        FROM endpoints CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE state = 'pending') AS pending,
                count(*) FILTER (WHERE state = 'failed') AS failed
            FROM deliveries
            WHERE endpoint = endpoints.id AND state IN ('pending', 'failed')
        ) AS sent
        WHERE endpoints.deleted_at IS NULL GROUP BY endpoints.team
    ) AS known ON known.team = grants.team
    GROUP BY grants.team ORDER BY grants.team
""")
