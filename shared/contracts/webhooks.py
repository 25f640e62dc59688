"""Events of the webhooks service: it posts those of others, and has one of its own."""

from .base import Event
from .erasures import WebhooksDataErased

EVENTS: tuple[type[Event], ...] = (WebhooksDataErased,)
