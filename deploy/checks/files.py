"""Where files may be: each file of the repository has its place in this list, or it is stray."""

import re
from collections.abc import Iterator

from deploy.checks import Finding

# `*` is a name without a slash, `**` any path.
PLACES = """
    *.md LICENSE Makefile mkdocs.yml pyproject.toml uv.lock docker-compose.yml .*ignore .ci/run
    .editorconfig .env.example .gitattributes .pre-commit-config.yaml .github/**.md
    .github/workflows/*.yml .github/ISSUE_TEMPLATE/*.yml .github/CODEOWNERS .github/dependabot.yml
    .devcontainer/devcontainer.json
    docs/**.md docs/*.md docs/pictures/*
    seeds/*.toml seeds/README.md seeds/fonts/*
    services/__init__.py services/*/__init__.py
    services/*/main.py services/*/settings.py services/*/jobs.py services/*/jobs/*.py
    services/*/tables.py
    services/*/tables/*.py
    services/*/columns.py services/*/consumers.py
    services/*/api.py services/*/api/*.py
    services/*/commands/*.py
    services/*/domain/*.py
    services/*/store/*.py
    services/*/providers/*.py
    services/*/migrations/env.py services/*/migrations/versions/*.py
    services/*/migrations/reference/*.py
    services/sandbox/*.py services/sandbox/provider/*.py
    services/web/*.py services/web/*.html services/web/problems.json
    services/web/languages/*.json
    services/web/static/** services/web/bundles/* services/web/vendor/*
    shared/__init__.py shared/errors.py shared/idempotency.py shared/keyring.py shared/money.py
    shared/secrets.py
    shared/*/*.py shared/contracts/published.json
    shared/contracts/EVENTS.md shared/contracts/asyncapi.json
    shared/contracts/schemas/** shared/contracts/samples/**
    deploy/*.py deploy/*.md deploy/*.yml deploy/*.env deploy/Dockerfile deploy/uv.txt
    deploy/capacity.toml
    deploy/bruno/*.py deploy/bruno/package*.json deploy/bruno/collection/*
    deploy/bruno/collection/environments/*.bru deploy/bruno/collection/Tour/*.bru
    deploy/clients/*.py deploy/clients/problems.toml deploy/clients/*/*.md
    deploy/clients/python/pyproject.toml deploy/clients/python/templates/*.jinja
    deploy/clients/python/ovation_client/*
    deploy/clients/typescript/*.json deploy/clients/typescript/src/*.ts
    deploy/checks/*.py deploy/citus/*.py deploy/config/* deploy/ctl/** deploy/demo/*.py
    deploy/docs/*.py deploy/docs/package*.json deploy/tour
    deploy/events/*.py deploy/examples/** deploy/failover/* deploy/gateway/* deploy/harness/*.py
    deploy/javascript/*.json deploy/javascript/*.d.ts deploy/javascript/*.mjs
    deploy/kubernetes/** deploy/observability/** deploy/rabbitmq/*
    deploy/template/** deploy/wheel/**
    tests/*.py tests/*/**.py tests/fakes/contracts/*
    tests/deploy/kubernetes/schemas/* tests/browser/package*.json
    tests/contracts/node/* tests/api_clients/node/*.mjs
    tests/fuzz/schemathesis.toml tests/purchase/packages.toml tests/upgrades/released.txt
"""
# A new service has single files; they become folders when they grow.
NEW_SERVICE = "services/*/commands.py services/*/domain.py services/*/store.py"


def check(path: str, places: str = f"{PLACES} {NEW_SERVICE}") -> Iterator[Finding]:
    """Yield the file if it is in no place of the list."""
    if not any(_pattern(place).fullmatch(path) for place in places.split()):
        text = "no such place; move the file, or add its place in deploy/checks/files.py"
        yield Finding(path, 1, "stray file", text)


def _pattern(place: str) -> re.Pattern[str]:
    found = re.escape(place).replace(r"\*\*", ".+").replace(r"\*", "[^/]*")
    return re.compile(found)
