"""One description of the whole public API, merged from what each service says of itself."""

import importlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI

from deploy.config.environment import ROOT, Endpoints, environment_of, new_secrets
from deploy.config.services import DATABASES
from deploy.gateway.links import add_links

Document = dict[str, Any]


def whole_api() -> Document:
    """Return the merged OpenAPI document of the services that are there."""
    described = {name: app_of(name).openapi() for name in DATABASES if _main_exists(name)}
    whole = merge(described)
    add_links(whole)
    return whole


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
