"""
The broker's exchanges, queues, bindings and users, as code.

RabbitMQ imports these documents at boot. Services connect as restricted users that cannot
declare anything, so what is here is all there is.
https://www.rabbitmq.com/docs/definitions
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from shared.contracts.routes import QUEUES, SERVICES
from shared.messaging.delivery import OPERATOR_USER
from shared.messaging.outbox import DEAD_LETTER_EXCHANGE, EVENTS_EXCHANGE
from shared.messaging.retry import DELAYS, DELAYS_MILLISECONDS, delay_name

VHOST = "ovation"
# What goes to one queue by name, past the topic exchange: redriven, or back from a delay.
REDELIVER_EXCHANGE = "ovation.redeliver"
# Deliveries that end in a crash; a handler's failures are counted and parked by the consumer.
DELIVERY_LIMIT = 20
DEAD_LETTERS_MAX = 1_000_000
LOOKS_MAX = 1_000_000
LOG_MAX_AGE = "30D"
LOG_SEGMENT_BYTES = 50_000_000


def topology() -> dict[str, Any]:
    """Everything but users: the document that is committed as `10-topology.json`."""
    queues, bindings = [], []
    for name, events in QUEUES.items():
        queues += [_work_queue(name), _dead_letter_queue(name)]
        bindings += [a_binding(EVENTS_EXCHANGE, name, event.name) for event in events]
        bindings += [
            a_binding(REDELIVER_EXCHANGE, name, name),
            a_binding(DEAD_LETTER_EXCHANGE, f"{name}.dlq", name),
        ]
    for service in SERVICES:
        # A log for each owner: other teams replay it, and no fact is ever unroutable.
        queues.append(_log_stream(f"ovation.log.{service}"))
        bindings.append(a_binding(EVENTS_EXCHANGE, f"ovation.log.{service}", f"{service}.#"))
    for delay in DELAYS:
        queues.append(_delay_queue(delay))
        bindings.append(a_binding(delay_name(delay), delay_name(delay), ""))
    return {
        "vhosts": [{"name": VHOST}],
        "exchanges": [
            _exchange(EVENTS_EXCHANGE, "topic"),
            _exchange(DEAD_LETTER_EXCHANGE, "direct"),
            _exchange(REDELIVER_EXCHANGE, "direct"),
            *(_exchange(delay_name(delay), "fanout") for delay in DELAYS),
        ],
        "queues": queues,
        "bindings": bindings,
        "policies": [_dead_letter_policy()],
    }


def users(passwords: Mapping[str, str]) -> dict[str, Any]:
    """Who may connect and what each may do; `passwords` by user name, for all of `user_names()`."""
    return {
        "users": [a_user(name, passwords[name]) for name in user_names()],
        "permissions": [
            *(a_permission(service) for service in SERVICES),
            a_permission(OPERATOR_USER, configure=".*", write=".*", read=".*"),
        ],
        "topic_permissions": [_topic_permission(service) for service in SERVICES],
    }


def user_names() -> tuple[str, ...]:
    return (*SERVICES, OPERATOR_USER)


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


def _work_queue(name: str) -> dict[str, Any]:
    return a_queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE,
            "x-dead-letter-routing-key": name,
            # The default strategy may lose the letter; this one needs reject-publish.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def _dead_letter_queue(name: str) -> dict[str, Any]:
    # Each look at a letter counts as a delivery, and one too many would drop it.
    return a_queue(f"{name}.dlq", {"x-queue-type": "quorum", "x-delivery-limit": LOOKS_MAX})


def _delay_queue(delay: str) -> dict[str, Any]:
    """What waits here leaves when its time is over, with the routing key it came with."""
    return a_queue(
        delay_name(delay),
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-message-ttl": DELAYS_MILLISECONDS[delay],
            "x-dead-letter-exchange": REDELIVER_EXCHANGE,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def _log_stream(name: str) -> dict[str, Any]:
    return a_queue(
        name,
        {
            "x-queue-type": "stream",
            "x-max-age": LOG_MAX_AGE,
            "x-stream-max-segment-size-bytes": LOG_SEGMENT_BYTES,
        },
    )


def a_binding(exchange: str, queue: str, routing_key: str) -> dict[str, Any]:
    return {
        "source": exchange,
        "vhost": VHOST,
        "destination": queue,
        "destination_type": "queue",
        "routing_key": routing_key,
        "arguments": {},
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


def a_user(name: str, password: str) -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": _password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["administrator"] if name == OPERATOR_USER else [],
    }


def _password_hash(password: str) -> str:
    """RabbitMQ's salted SHA-256: https://www.rabbitmq.com/docs/passwords."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def a_permission(
    user: str,
    *,
    configure: str = "^$",
    write: str = r"^ovation\.(events|dlx|delay\.[0-9]+[sm])$",
    read: str | None = None,
) -> dict[str, Any]:
    return {
        "user": user,
        "vhost": VHOST,
        "configure": configure,
        "write": write,
        # Its own queues; and its own log, for its relay to see that it is there.
        "read": read or rf"^({user}\.[a-z_]+|ovation\.log\.{user})$",
    }


def _topic_permission(service: str) -> dict[str, Any]:
    """A service announces its own facts and nobody else's."""
    return {
        "user": service,
        "vhost": VHOST,
        "exchange": EVENTS_EXCHANGE,
        "write": rf"^{service}\.",
        "read": "^$",
    }
