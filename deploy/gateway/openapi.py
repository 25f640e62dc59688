"""One description of the whole public API, merged from what each service says of itself."""

import importlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI

from deploy.config.environment import ROOT, Endpoints, environment_of, new_secrets
from deploy.config.services import DATABASES, FEED
from deploy.gateway.examples import add_examples
from deploy.gateway.links import add_links
from shared.http.problems import Problem, documented

Document = dict[str, Any]
LIMIT_HEADERS = {
    "Retry-After": {
        "description": "After so many seconds the request may be accepted.",
        "schema": {"type": "integer"},
    },
    "RateLimit-Policy": {
        "description": "The limits of the gateway, if it is the gateway that refuses:"
        " https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/.",
        "schema": {"type": "string"},
        "example": '"token";q=50;w=1, "address";q=1000;w=1',
    },
}


def whole_api() -> Document:
    """Return the merged OpenAPI document of the services that are there."""
    described = {name: app_of(name).openapi() for name in DATABASES if _main_exists(name)}
    whole = merge(described)
    add_links(whole)
    _add_limits(whole)
    add_examples(whole)
    return whole


def _add_limits(whole: Document) -> None:
    """Say that the gateway refuses who asks too often, and how; of a feed it says it otherwise."""
    line = "`too-many-requests`: This is asked too often; the limits are the gateway's."
    for path, operations in whole["paths"].items():
        for operation in operations.values() if not re.search(FEED, path) else ():
            described = operation["responses"].setdefault("429", documented(Problem))
            described["description"] = f"{line}\n\n{described['description']}".strip()
            described["headers"] = LIMIT_HEADERS


def merge(documents: Mapping[str, Document]) -> Document:
    """
    Put documents together, by service.

    A schema of the same name that means something else in another service gets the name of its
    service in front.
    """
    whole: Document = {
        "openapi": "3.1.0",
        "info": {"title": "Ovation", "version": "1", "summary": "A coin economy for live apps."},
        "paths": {},
        "components": {},
    }
    for service, document in documents.items():
        own = _renamed(document, _clashes(whole, document), service)
        for path, operations in own.get("paths", {}).items():
            assert path not in whole["paths"], f"two services answer {path}"
            whole["paths"][path] = operations
        for section, entries in own.get("components", {}).items():
            whole["components"].setdefault(section, {}).update(entries)
    return whole


def _clashes(whole: Document, document: Document) -> list[str]:
    known = whole["components"].get("schemas", {})
    schemas = document.get("components", {}).get("schemas", {})
    return [name for name, schema in schemas.items() if name in known and known[name] != schema]


def _renamed(document: Document, names: list[str], service: str) -> Document:
    text = json.dumps(document)
    for name in names:
        new = f"{service.capitalize()}{name}"
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{new}"')
    renamed: Document = json.loads(text)
    schemas = renamed.get("components", {}).get("schemas", {})
    for name in names:
        schemas[f"{service.capitalize()}{name}"] = schemas.pop(name)
    return renamed


def app_of(name: str) -> FastAPI:
    """Build a service's API as it is built to run, with addresses that are never used."""
    with _environment(name):
        main = importlib.import_module(f"services.{name}.main")
        settings = importlib.import_module(f"services.{name}.settings")
        app: FastAPI = main.build(settings.Settings()).app
    return app


@contextmanager
def _environment(name: str) -> Iterator[None]:
    nowhere = dict.fromkeys(("gateway", "issuer", "sandbox", name), "http://127.0.0.1:1")
    endpoints = Endpoints(
        urls=nowhere, postgres="127.0.0.1:1", rabbit="127.0.0.1:1", vhost="ovation"
    )
    before = dict(os.environ)
    os.environ.update(environment_of(name, endpoints, new_secrets()))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _main_exists(name: str) -> bool:
    return (ROOT / "services" / name / "main.py").exists()
