"""The AsyncAPI 3 document: channels, who sends, who hears, and what each message looks like."""

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from shared.contracts.agreement import NOON
from shared.contracts.base import Event
from shared.contracts.envelope import CONTENT_TYPE, headers_of
from shared.contracts.routes import ALWAYS_BOUND, EVENTS, SERVICES
from shared.contracts.samples import STORY, envelope, sample
from shared.contracts.schema import data_schema, envelope_schema
from shared.messaging.facts import Fact
from shared.messaging.outbox import EVENTS_EXCHANGE, message_of, own_exchange

Document: TypeAlias = dict[str, Any]

BINDING_VERSION = "0.3.0"
VHOST = "ovation"
SUMMARY = """\
Every message is a CloudEvents 1.0 document in structured JSON, published to one topic exchange
under the event's name. At least once: the id of a fact is always the same, so remember ids. In
order for each subject; do not rely on order otherwise. Within a version only optional fields are
added: ignore fields you do not know."""


def whole_document() -> Document:
    """Return the document of everything that the services announce and hear."""
    return {
        "asyncapi": "3.1.0",
        "id": "urn:dev:ovation:events",
        "info": _info(),
        "defaultContentType": CONTENT_TYPE,
        "servers": {"rabbitmq": _server()},
        "channels": {event.name: _channel(event.name) for event in EVENTS},
        "operations": dict([*_published(), *_consumed()]),
        "components": {
            "schemas": _schemas(),
            "messages": {_key(event): _message(event) for event in EVENTS},
            "securitySchemes": {
                "password": {
                    "type": "userPassword",
                    "description": "A broker user: `ovationctl team add` makes one.",
                }
            },
        },
    }


def _info() -> Document:
    return {
        "title": "Ovation events",
        "version": "1.0.0",
        "description": SUMMARY,
        "license": {
            "name": "Apache-2.0",
            "url": "https://www.apache.org/licenses/LICENSE-2.0",
        },
        "tags": [{"name": service} for service in SERVICES],
    }


def _server() -> Document:
    return {
        "host": "{host}",
        "pathname": f"/{VHOST}",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "The RabbitMQ of the installation.",
        "variables": {
            "host": {"default": "localhost:5672", "description": "The broker's address."}
        },
        "security": [{"$ref": "#/components/securitySchemes/password"}],
    }


def _channel(name: str) -> Document:
    events = [event for event in EVENTS if event.name == name]
    return {
        "address": name,
        "title": name,
        "description": _text(events[-1]),
        "servers": [{"$ref": "#/servers/rabbitmq"}],
        "messages": {
            f"v{event.version}": {"$ref": f"#/components/messages/{_key(event)}"}
            for event in events
        },
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": own_exchange(EVENTS_EXCHANGE, events[-1].owner()),
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                    "vhost": VHOST,
                },
                "bindingVersion": BINDING_VERSION,
            }
        },
    }


def _published() -> Iterator[tuple[str, Document]]:
    for event in EVENTS:
        yield (
            f"{event.owner()}.announces.{_key(event)}",
            _operation("send", event, event.owner(), f"{event.owner()} publishes {event.name}."),
        )


def _consumed() -> Iterator[tuple[str, Document]]:
    for queue, events in ALWAYS_BOUND.items():
        for event in events:
            operation = _operation(
                "receive", event, queue.split(".")[0], f"The queue {queue} receives {event.name}."
            )
            bindings = {"amqp": {"ack": True, "bindingVersion": BINDING_VERSION}}
            yield f"{queue}.hears.{_key(event)}", {**operation, "bindings": bindings}


def _operation(action: str, event: type[Event], service: str, text: str) -> Document:
    return {
        "action": action,
        "title": f"{service}: {event.name}",
        "summary": text,
        "description": _text(event),
        "channel": {"$ref": f"#/channels/{event.name}"},
        "messages": [{"$ref": f"#/channels/{event.name}/messages/v{event.version}"}],
        "tags": [{"name": service}],
    }


def _message(event: type[Event]) -> Document:
    payload = json.loads(envelope(sample(event)))
    return {
        "name": event.type(),
        "title": event.name,
        "summary": _text(event).split("\n")[0],
        "description": _text(event),
        "contentType": CONTENT_TYPE,
        "headers": _headers(event),
        "payload": {
            "allOf": [
                {"$ref": "#/components/schemas/envelope"},
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": event.type()},
                        "source": {"const": f"/ovation/{event.owner()}"},
                        "data": {"$ref": f"#/components/schemas/{_key(event)}"},
                    },
                },
            ]
        },
        "correlationId": {
            "description": "The story that the event is part of.",
            "location": "$message.payload#/correlationid",
        },
        "tags": [{"name": event.owner()}],
        "bindings": {
            "amqp": {"messageType": event.type(), "bindingVersion": BINDING_VERSION},
        },
        "examples": [
            {
                "name": event.name,
                "summary": _text(event).split("\n")[0],
                "headers": _example_headers(event),
                "payload": payload,
            }
        ],
    }


def _example_headers(event: type[Event]) -> Document:
    told = sample(event)
    fact = Fact(told, 1, STORY)
    return dict(headers_of(message_of(fact, NOON).body))


def _headers(event: type[Event]) -> Document:
    """Return the schema of the headers: attributes of the envelope, for those who filter."""
    return {
        "type": "object",
        "description": "Attributes of the envelope, so that a message can be judged unread.",
        "properties": {
            name: {"type": "string", "examples": [value]}
            for name, value in _example_headers(event).items()
        },
        "required": [name for name in _example_headers(event) if name != "traceparent"],
    }


def _schemas() -> Document:
    found = {"envelope": _movable(envelope_schema())}
    for event in EVENTS:
        schema = data_schema(event)
        for name, part in {**schema.pop("$defs", {}), _key(event): schema}.items():
            movable = _movable(part)
            assert found.setdefault(name, movable) == movable, f"two parts are called {name}"
    return found


def _movable(node: Any) -> Any:
    """Return a schema as it is inside of the document: no address, no dialect of its own."""
    if isinstance(node, list):
        return [_movable(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        # The dialect of the format forgets everything that stands beside a reference.
        name = node["$ref"].removeprefix("#/$defs/")
        words = {key: value for key, value in node.items() if key != "$ref"}
        reference = {"$ref": f"#/components/schemas/{name}"}
        return {"allOf": [reference], **words} if words else reference
    return {key: _movable(value) for key, value in node.items() if key not in ("$id", "$schema")}


def _key(event: type[Event]) -> str:
    return f"{event.name}.v{event.version}"


def _text(event: type[Event]) -> str:
    return str(data_schema(event)["description"])
