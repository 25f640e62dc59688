"""One description of the whole public API, merged from what each service says of itself."""

import importlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI

from deploy.config.environment import ROOT, Endpoints, environment_of, new_secrets
from deploy.config.services import DATABASES, FEED
from deploy.gateway.examples import add_examples
from deploy.gateway.introduction import INFO, SECURITY, SERVERS, TAGS
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


@cache
def whole_api() -> Document:
    """Return the merged OpenAPI document of the services that are there."""
    described = {name: app_of(name).openapi() for name in DATABASES if _main_exists(name)}
    whole = merge(described)
    introduce(whole)
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

    A name of different schemas in several services gets the name of the service in front, in each
    of them.
    """
    whole: Document = {"openapi": "3.1.0", "paths": {}, "components": {}}
    documents = {service: _titled(document) for service, document in documents.items()}
    clashes = _clashes(documents)
    for service, document in documents.items():
        own = _renamed(
            document, {name: f"{service.capitalize()}{name}" for name in sorted(clashes)}
        )
        for path, operations in own.get("paths", {}).items():
            assert path not in whole["paths"], f"two services answer {path}"
            whole["paths"][path] = operations
        for section, entries in own.get("components", {}).items():
            whole["components"].setdefault(section, {}).update(entries)
    for name, schema in _schemas(whole).items():
        # Clients are generated with the titles as names.
        schema["title"] = name
    return whole


def introduce(whole: Document) -> None:
    """Say what the API is, and what its operations have in common."""
    named = Counter(operation["operationId"] for operation in _operations(whole))
    twice = [name for name, count in named.items() if count > 1]
    assert not twice, f"several routes are called {', '.join(twice)}: rename their functions"
    whole["info"] = INFO
    whole["servers"] = SERVERS
    whole["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    whole["components"]["securitySchemes"] |= SECURITY


def _operations(whole: Document) -> Iterator[Document]:
    for operations in whole["paths"].values():
        yield from operations.values()


def _clashes(documents: Mapping[str, Document]) -> set[str]:
    """Return the names that are not the same schema wherever they are used."""
    known: Document = {}
    clashes = set()
    for document in documents.values():
        for name, schema in _schemas(document).items():
            if known.setdefault(name, schema) != schema:
                clashes.add(name)
    return clashes


def _titled(document: Document) -> Document:
    """Name schemas by their titles: Pydantic calls a page of purchases `Page_Purchase_`."""
    titles = {name: schema.get("title", name) for name, schema in _schemas(document).items()}
    return _renamed(document, {name: title for name, title in titles.items() if name != title})


def _schemas(document: Document) -> Document:
    schemas: Document = document.get("components", {}).get("schemas", {})
    return schemas


def _renamed(document: Document, names: Mapping[str, str]) -> Document:
    text = json.dumps(document)
    for name, new in names.items():
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{new}"')
    renamed: Document = json.loads(text)
    schemas = _schemas(renamed)
    for name, new in names.items():
        if name in schemas:
            assert new not in schemas, f"two schemas are called {new}: rename one of the classes"
            schemas[new] = schemas.pop(name)
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
