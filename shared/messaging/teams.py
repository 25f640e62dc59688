"""
What another team has on our broker, as code: a user, a queue, and where it leads when it is full.

The team's user can declare nothing, bind nothing and publish nothing; it reads what bears its
name, and the logs it was granted. Operators make the bindings. A team that could bind could also
unbind, and lose events unseen. The grant is stored on the broker, so that every operator's
`topology check` knows it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from shared.contracts import gift, live
from shared.contracts.base import Event
from shared.contracts.routes import EVENTS, SERVICES
from shared.messaging.log import log_of
from shared.messaging.outbox import DEAD_LETTER_EXCHANGE, EVENTS_EXCHANGE, own_exchange
from shared.messaging.topology import (
    DELIVERY_LIMIT,
    LOOKS_MAX,
    REDELIVER_EXCHANGE,
    VHOST,
    a_binding,
    a_permission,
    a_queue,
    event_bindings,
)

PREFIX = "team."
NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
# The most a queue keeps; what an operator says instead is a policy, which can be changed.
MESSAGES_MAX = 1_000_000
QUEUE_BYTES_MAX = 2_000_000_000
DEAD_LETTERS_MAX = 100_000
# A client that reconnects in a loop must not use up the broker's sockets.
USER_LIMITS: Mapping[str, int] = {"max-connections": 50, "max-channels": 200}
# What a service's name stands for. A team that is granted `gift` or `live` gets what all people in
# the room may know. Every other event is granted by its name alone: it is about a person's money,
# limits or troubles, or it names the giver of an anonymous gift. A new event is granted by name
# until it is listed here. `first_gift` and the perks name viewers, and follow from open gifts only.
GIVEN_WHOLE: Mapping[str, tuple[type[Event], ...]] = {
    "gift": (gift.CatalogueChanged,),
    "live": (
        live.RoomOpened,
        live.RoomClosed,
        live.GuestJoined,
        live.GuestLeft,
        live.GoalReached,
        live.FirstGift,
        live.PerkUnlocked,
        live.PerkWithdrawn,
    ),
}


class NotGranted(ValueError):
    """What was asked for a team is not there, or is not given this way."""


@dataclass(frozen=True, slots=True)
class Team:
    """
    What a team was granted.

    `reads` are the events it may have, `hears` those that come to its queue, `logs` the services
    whose whole history of 30 days it may read.
    """

    name: str
    reads: tuple[str, ...]
    hears: tuple[str, ...]
    logs: tuple[str, ...] = ()
    messages_max: int = MESSAGES_MAX

    @classmethod
    def granted(
        cls,
        name: str,
        *,
        reads: Iterable[str],
        hears: Collection[str] = (),
        logs: Collection[str] = (),
        messages_max: int = MESSAGES_MAX,
    ) -> Self:
        """Return what was asked for, if it may be given; see `GIVEN_WHOLE` for a service's name."""
        if not NAME.fullmatch(name):
            raise NotGranted(f"{name!r} is no team's name: small letters, digits, _ and -")
        if not 1 <= messages_max <= MESSAGES_MAX:
            raise NotGranted(f"a queue keeps from 1 to {MESSAGES_MAX} messages")
        if unknown := sorted(set(logs) - set(SERVICES)):
            raise NotGranted(f"{unknown[0]} has no log; {', '.join(SERVICES)} have")
        may_read = _expanded(reads)
        wanted = _expanded(hears) if hears else may_read
        if beyond := sorted(set(wanted) - set(may_read)):
            raise NotGranted(
                f"{beyond[0]} is to be bound, but is not among what the team reads: name it there"
            )
        return cls(name, may_read, wanted, tuple(sorted(set(logs))), messages_max)

    @classmethod
    def recorded(cls, record: Mapping[str, Any]) -> Self:
        """Read what `record` wrote."""
        lists = {key: tuple(record[key]) for key in ("reads", "hears", "logs")}
        return cls(name=record["name"], messages_max=record["messages_max"], **lists)

    @property
    def user(self) -> str:
        return f"{PREFIX}{self.name}"

    @property
    def queue(self) -> str:
        return f"{self.user}.events"

    def record(self, vhost: str) -> dict[str, Any]:
        """Write the grant as a parameter of the broker, which its definitions carry with them."""
        return {"name": record_name(self.name, vhost), "value": {**asdict(self), "vhost": vhost}}


def record_name(team: str, vhost: str) -> str:
    return f"ovation.{PREFIX}{team}@{vhost}"


def team_topology(team: Team) -> dict[str, list[dict[str, Any]]]:
    """Everything a team has but its user's password, in the form of the broker's definitions."""
    return {
        "queues": [_events_queue(team), _dead_letter_queue(team)],
        "bindings": [
            *(each for name in team.hears for each in event_bindings(team.queue, name)),
            # Only operators can publish there: so they can give a team again what it lost.
            a_binding(REDELIVER_EXCHANGE, team.queue, team.queue),
            a_binding(DEAD_LETTER_EXCHANGE, f"{team.queue}.dlq", team.queue),
        ],
        "policies": [_length_policy(team)],
        "permissions": [a_permission(team.user, write="^$", read=_readable(team))],
        "topic_permissions": [_topic_permission(team, exchange) for exchange in events_exchanges()],
    }


def events_exchanges() -> tuple[str, ...]:
    """Return every exchange that has events: each owner's, and that of the version before."""
    return (*(own_exchange(EVENTS_EXCHANGE, service) for service in SERVICES), EVENTS_EXCHANGE)


def _events_queue(team: Team) -> dict[str, Any]:
    """
    Write a queue whose oldest messages leave when it is full: no service waits for a team.

    They leave to its dead letters, where they can be seen and counted. An event a service
    announces is confirmed in any case.
    """
    return a_queue(
        team.queue,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-max-length": MESSAGES_MAX,
            "x-max-length-bytes": QUEUE_BYTES_MAX,
            "x-overflow": "drop-head",
            "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE,
            "x-dead-letter-routing-key": team.queue,
        },
    )


def _dead_letter_queue(team: Team) -> dict[str, Any]:
    return a_queue(
        f"{team.queue}.dlq",
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": LOOKS_MAX,
            "x-max-length": DEAD_LETTERS_MAX,
            "x-overflow": "drop-head",
        },
    )


def _length_policy(team: Team) -> dict[str, Any]:
    return {
        "vhost": VHOST,
        "name": team.queue,
        "pattern": rf"^{re.escape(team.queue)}$",
        "apply-to": "queues",
        "priority": 1,
        "definition": {"max-length": team.messages_max},
    }


def _readable(team: Team) -> str:
    own = rf"{re.escape(team.user)}\..*"
    if not team.logs:
        return f"^{own}$"
    logs = "|".join(re.escape(log_of(service)) for service in team.logs)
    return f"^({own}|{logs})$"


def _topic_permission(team: Team, exchange: str) -> dict[str, Any]:
    """
    Limit what the team could bind, should it ever get the right to bind.

    A second fence: a right to write to its queue, given by hand one day, must not open the rest.
    """
    return {
        "user": team.user,
        "vhost": VHOST,
        "exchange": exchange,
        "write": "^$",
        "read": f"^({'|'.join(re.escape(name) for name in team.reads)})$",
    }


def _expanded(asked: Iterable[str]) -> tuple[str, ...]:
    """Return names of events; a service's name stands for what may be given whole today."""
    names = {event.name for event in EVENTS}
    found: set[str] = set()
    for each in asked:
        if each in names:
            found.add(each)
        elif each in GIVEN_WHOLE:
            found |= {event.name for event in GIVEN_WHOLE[each]}
        elif each in SERVICES:
            examples = ", ".join(sorted(name for name in names if name.startswith(f"{each}."))[:3])
            raise NotGranted(
                f"the events of {each} are about people's money: name each one, as {examples}"
            )
        else:
            raise NotGranted(f"{each} is no event of ours")
    if not found:
        raise NotGranted("a team that reads nothing needs no queue")
    return tuple(sorted(found))
