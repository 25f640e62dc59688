"""
The broker's exchanges, queues, bindings and users, as code.

RabbitMQ imports these documents at boot. Services connect as restricted users that cannot
declare anything, so what is here is all there is.
https://www.rabbitmq.com/docs/definitions
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from shared.contracts.routes import ALWAYS_BOUND, QUEUES, SERVICES
from shared.messaging.delivery import OPERATOR_USER, service_of
from shared.messaging.log import log_of
from shared.messaging.outbox import (
    DEAD_LETTER_EXCHANGE,
    EVENTS_EXCHANGE,
    SHARE_HEADER,
    SHARES,
    own_exchange,
    share_name,
)
from shared.messaging.partitions import Partitions, Spread, spreads_of
from shared.messaging.retry import DELAYS, DELAYS_MILLISECONDS, delay_name

VHOST = "ovation"
# For messages to one queue by name, past the exchanges of events. The operator redrives and replays
# through it; what comes back from a delay does so at `ovation.redeliver.<service>`.
REDELIVER_EXCHANGE = "ovation.redeliver"
# What operators did to messages. Operators alone may write it; reading a stream removes nothing.
AUDIT_STREAM = "ovation.audit"
AUDIT_MAX_AGE = "10Y"
# A second copy of each dead letter, as evidence: a service may remove its dead letters from their
# queues, and nothing from here.
DEAD_LETTER_STREAM = "ovation.dead_letters"
# Looks at the broker's numbers and at what operators did; changes nothing.
AUDITOR_USER = "auditor"
# Deliveries that end in a crash; the consumer counts a handler's failures by itself.
DELIVERY_LIMIT = 20
DEAD_LETTERS_MAX = 1_000_000
LOOKS_MAX = 1_000_000
LOG_MAX_AGE = "30D"
LOG_SEGMENT_BYTES = 50_000_000
_NOTHING = "^$"
# What an exchange is bound to: a queue by its name, or the partitions of one.
Target: TypeAlias = str | Spread
# Where the version before published: one exchange for all services. Services may write there
# during an upgrade only. `ovation.dlx` stays: the broker itself puts there what crashed us.
_SHARED_EXCHANGES = r"ovation\.(events|dlx|delay\.[0-9]+[sm])"


def topology(partitions: Partitions = MappingProxyType({})) -> dict[str, Any]:
    """
    Everything but users: the document that is committed as `10-topology.json`.

    `partitions` says which queues are spread over several, see `shared.messaging.partitions`.
    """
    queues, bindings, spreading = [], [], []
    for name, events in ALWAYS_BOUND.items():
        spread = spreads_of(name, partitions)[-1]
        queues += [*_work_queues(spread), _dead_letter_queue(name)]
        spreading += _spreading_exchanges(spread)
        bindings += [
            *(each for event in events for each in event_bindings(spread, event.name)),
            a_binding(REDELIVER_EXCHANGE, spread, name),
            a_binding(own_exchange(REDELIVER_EXCHANGE, service_of(name)), spread, name),
            *_spreading_bindings(spread),
            a_binding(DEAD_LETTER_EXCHANGE, f"{name}.dlq", name),
            a_binding(own_exchange(DEAD_LETTER_EXCHANGE, service_of(name)), f"{name}.dlq", name),
            a_binding(DEAD_LETTER_EXCHANGE, DEAD_LETTER_STREAM, name),
            a_binding(
                own_exchange(DEAD_LETTER_EXCHANGE, service_of(name)), DEAD_LETTER_STREAM, name
            ),
        ]
    for service in SERVICES:
        # A log for each owner: other teams replay it, and no event is ever unroutable.
        queues.append(_stream(log_of(service), max_age=LOG_MAX_AGE))
        bindings += event_bindings(log_of(service), f"{service}.#")
    queues.append(_stream(AUDIT_STREAM, max_age=AUDIT_MAX_AGE))
    queues.append(_stream(DEAD_LETTER_STREAM, max_age=LOG_MAX_AGE))
    for delay in DELAYS:
        queues += [_delay_queue(delay, service) for service in ("", *SERVICES)]
        bindings += _delay_bindings(delay)
    return {
        "vhosts": [{"name": VHOST}],
        "exchanges": [*_exchanges(), *spreading],
        "queues": queues,
        "bindings": bindings,
        "policies": [_dead_letter_policy()],
    }


def event_bindings(target: Target, pattern: str) -> list[dict[str, Any]]:
    """Bind a queue to events of one owner, and to where the version before published them."""
    owner = pattern.partition(".")[0]
    return [
        a_binding(own_exchange(EVENTS_EXCHANGE, owner), target, pattern),
        a_binding(EVENTS_EXCHANGE, target, pattern),
    ]


def _exchanges() -> list[dict[str, Any]]:
    shared = [
        _exchange(EVENTS_EXCHANGE, "topic"),
        _exchange(DEAD_LETTER_EXCHANGE, "direct"),
        _exchange(REDELIVER_EXCHANGE, "direct"),
        *(_exchange(delay_name(delay), "fanout") for delay in DELAYS),
    ]
    own = [
        _exchange(own_exchange(name, service), kind)
        for service in SERVICES
        for name, kind in (
            (EVENTS_EXCHANGE, "topic"),
            (DEAD_LETTER_EXCHANGE, "direct"),
            (REDELIVER_EXCHANGE, "direct"),
            # Direct: what is to come back to another service's queue does not even wait.
            *((delay_name(delay), "direct") for delay in DELAYS),
        )
    ]
    return [*shared, *own]


def _delay_bindings(delay: str) -> list[dict[str, Any]]:
    own = [
        a_binding(
            own_exchange(delay_name(delay), service_of(queue)),
            own_exchange(delay_name(delay), service_of(queue)),
            queue,
        )
        for queue in QUEUES
    ]
    return [a_binding(delay_name(delay), delay_name(delay), ""), *own]


def users(passwords: Mapping[str, str], *, both_versions: bool = False) -> dict[str, Any]:
    """Who may connect and what each may do; `passwords` by user name, for all of `user_names()`."""
    return {
        "users": [a_user(name, passwords[name]) for name in user_names()],
        **rights(both_versions=both_versions),
    }


def rights(*, both_versions: bool = False) -> dict[str, Any]:
    """
    What each user may do. A service publishes at its own exchanges alone.

    `both_versions` is for the time of an upgrade: the version before may publish where it did.
    """
    return {
        "permissions": [
            *(
                a_permission(service, write=_writable(service, both_versions=both_versions))
                for service in SERVICES
            ),
            a_permission(OPERATOR_USER, configure=".*", write=".*", read=".*"),
            a_permission(AUDITOR_USER, read=rf"^{re.escape(AUDIT_STREAM)}$"),
        ],
        "topic_permissions": [
            _topic_permission(service, exchange)
            for service in SERVICES
            for exchange in (EVENTS_EXCHANGE, own_exchange(EVENTS_EXCHANGE, service))
        ],
    }


def _writable(service: str, *, both_versions: bool) -> str:
    own = rf"{_SHARED_EXCHANGES}\.{service}"
    return f"^({own}|{_SHARED_EXCHANGES})$" if both_versions else f"^{own}$"


def user_names() -> tuple[str, ...]:
    return (*SERVICES, OPERATOR_USER, AUDITOR_USER)


def _exchange(name: str, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "vhost": VHOST,
        "type": kind,
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {},
    }


def a_queue(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "vhost": VHOST,
        "durable": True,
        "auto_delete": False,
        "arguments": arguments,
    }


def _work_queues(spread: Spread) -> list[dict[str, Any]]:
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE,
        "x-dead-letter-routing-key": spread.queue,
        # The default strategy may lose the dead letter; this one needs reject-publish.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    if spread.exchange:
        # Of a user's messages the next is delivered when the last is done.
        arguments["x-single-active-consumer"] = True
    return [a_queue(name, dict(arguments)) for name in spread.queues]


def _spreading_exchanges(spread: Spread) -> list[dict[str, Any]]:
    if not spread.exchange:
        return []
    return [_exchange(spread.exchange, "headers")]


def _spreading_bindings(spread: Spread) -> list[dict[str, Any]]:
    if not spread.exchange:
        return []
    return [
        a_binding(spread.exchange, spread.queue_of(share), name, **{SHARE_HEADER: name})
        for share in range(SHARES)
        for name in [share_name(share)]
    ]


def _dead_letter_queue(name: str) -> dict[str, Any]:
    # Each look at a dead letter counts as a delivery, and one too many would drop it.
    return a_queue(f"{name}.dlq", {"x-queue-type": "quorum", "x-delivery-limit": LOOKS_MAX})


def _delay_queue(delay: str, service: str) -> dict[str, Any]:
    """
    Write a queue whose messages leave after the delay, with the routing key they came with.

    They go to queues of this service alone. Without a service it is that of the version before.
    """
    name, back = delay_name(delay), REDELIVER_EXCHANGE
    if service:
        name, back = own_exchange(name, service), own_exchange(back, service)
    return a_queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-message-ttl": DELAYS_MILLISECONDS[delay],
            "x-dead-letter-exchange": back,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def _stream(name: str, *, max_age: str) -> dict[str, Any]:
    return a_queue(
        name,
        {
            "x-queue-type": "stream",
            "x-max-age": max_age,
            "x-stream-max-segment-size-bytes": LOG_SEGMENT_BYTES,
        },
    )


def a_binding(exchange: str, target: Target, routing_key: str, **headers: str) -> dict[str, Any]:
    """Bind a queue, or what spreads a queue's messages, to an exchange."""
    is_spread = isinstance(target, Spread) and target.exchange is not None
    return {
        "source": exchange,
        "vhost": VHOST,
        "destination": target.entry if isinstance(target, Spread) else target,
        "destination_type": "exchange" if is_spread else "queue",
        "routing_key": routing_key,
        "arguments": {"x-match": "all", **headers} if headers else {},
    }


def _dead_letter_policy() -> dict[str, Any]:
    """An operator's knob, hence a policy: queue arguments cannot be changed later."""
    return {
        "vhost": VHOST,
        "name": "dead-letters",
        "pattern": r"\.dlq$",
        "apply-to": "queues",
        "priority": 0,
        "definition": {"max-length": DEAD_LETTERS_MAX, "overflow": "reject-publish"},
    }


# A service that was taken over, or reconnects in a loop, must not use up the broker's sockets and
# memory: an instance has a connection a queue and one to publish, twice while it is rolled.
USER_LIMITS: Mapping[str, Mapping[str, int]] = {
    **{service: {"max-connections": 200, "max-channels": 1_000} for service in SERVICES},
    AUDITOR_USER: {"max-connections": 20, "max-channels": 100},
}
_TAGS = {OPERATOR_USER: ["administrator"], AUDITOR_USER: ["monitoring"]}


def a_user(name: str, password: str) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": _password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": _TAGS.get(name, []),
        "limits": dict(USER_LIMITS.get(name, {})),
    }


def _password_hash(password: str) -> str:
    """RabbitMQ's salted SHA-256: https://www.rabbitmq.com/docs/passwords."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def a_permission(
    user: str,
    *,
    configure: str = _NOTHING,
    write: str = _NOTHING,
    read: str | None = None,
) -> dict[str, Any]:
    return {
        "user": user,
        "vhost": VHOST,
        "configure": configure,
        "write": write,
        # Its own queues, their partitions and dead letters; and its own log, whose presence its
        # relay checks.
        "read": read or rf"^({user}\.[a-z_]+(\.[0-9]+\.[0-9]+|\.dlq)?|ovation\.log\.{user})$",
    }


def _topic_permission(service: str, exchange: str) -> dict[str, Any]:
    """A service publishes its own events only."""
    return {
        "user": service,
        "vhost": VHOST,
        "exchange": exchange,
        "write": rf"^{service}\.",
        "read": _NOTHING,
    }
