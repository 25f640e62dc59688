"""Files that are generated and committed: topology, gateway, API, tables, Compose, contracts."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

from deploy import capacity
from deploy.config import chart
from deploy.config.parts import PARTS, written
from deploy.config.services import PUBLIC
from deploy.config.settings_file import EXAMPLE, example_file
from deploy.docs.columns import column_files
from deploy.docs.tables import table_pages
from deploy.events.asyncapi import whole_document
from deploy.events.page import events_page
from deploy.gateway import problem_pages
from deploy.gateway.compatibility import breaks, promises
from deploy.gateway.fields import lacking
from deploy.gateway.nginx import (
    STRIPPED,
    render,
    render_container,
    render_practice,
)
from deploy.gateway.openapi import whole_api
from deploy.observability.dashboards import DASHBOARDS, dashboard
from shared.contracts import gate, published
from shared.contracts.gate import Review
from shared.messaging.partitions import partitions_of_installation
from shared.messaging.topology import topology

DEPLOY = Path(__file__).parent.parent
ROOT = DEPLOY.parent
CONTRACTS = ROOT / "shared" / "contracts"
OPENAPI = DEPLOY / "gateway" / "openapi.json"
Generated: TypeAlias = Mapping[str, tuple[Path, Callable[[], str]]]

# Docker's own resolver, inside every network that Compose makes.
COMPOSE_RESOLVER = "127.0.0.11"
COMPOSE_PORT = 8000
# What clients of the last release rely on.
RELEASED = DEPLOY / "gateway" / "released.json"


def review() -> Review:
    """Compare the events with what is published of them."""
    return gate.review()


def api_breaks() -> list[str]:
    """Return what would break clients of the API of the last release."""
    return breaks(json.loads(RELEASED.read_text()), whole_api())


def release_api() -> None:
    """Take the API as it is for what clients rely on from now on."""
    RELEASED.write_text(json.dumps(promises(whole_api()), indent=1) + "\n")


def publish() -> list[str]:
    """Write the schemas and samples of what is new about the events; return their versions."""
    written = [str(version) for version in gate.publish()]
    published.forget()
    return written


def write_contracts(*, only: str | None = None) -> None:
    for name, (path, generate) in _generated().items():
        if only in (None, name):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(generate())


def stale_files() -> list[str]:
    """
    Return the files that are not what would be generated now.

    Not those that follow from the events alone: an event may gain a field before it is
    published. Whether they are up to date is a test.
    """
    return [
        str(path)
        for name, (path, generate) in _generated().items()
        if name not in OF_EVENTS and (not path.exists() or path.read_text() != generate())
    ]


def undescribed_fields() -> list[str]:
    """Return what fields, parameters and bodies of the API do not say of themselves."""
    return list(lacking(json.loads(OPENAPI.read_text())))


# Written by `make contracts`, once what is new is published.
OF_EVENTS: Generated = {
    "asyncapi": (CONTRACTS / "asyncapi.json", lambda: _json(whole_document())),
    "events": (CONTRACTS / "EVENTS.md", events_page),
}


def _generated() -> Generated:
    boards = DEPLOY / "observability" / "grafana" / "dashboards"
    return {
        **{name: (boards / f"{name}.json", partial(_dashboard, name)) for name in DASHBOARDS},
        **OF_EVENTS,
        **column_files(),
        **table_pages(),
        **{file: (ROOT / file, partial(written, file)) for file in PARTS},
        "settings": (EXAMPLE, example_file),
        "capacity": (capacity.PAGE, capacity.page),
        "chart-services": (chart.CHART / "files" / "services.json", chart.services_file),
        "chart-schema": (chart.CHART / "values.schema.json", chart.schema_file),
        "chart-practice": (chart.CHART / "files" / "practice.conf", _chart_practice_gateway),
        "topology": (
            DEPLOY / "rabbitmq" / "10-topology.json",
            lambda: _json(topology(partitions_of_installation())),
        ),
        "gateway": (DEPLOY / "gateway" / "nginx.conf", _compose_gateway),
        "practice": (DEPLOY / "gateway" / "practice.conf", _practice_gateway),
        "openapi": (OPENAPI, lambda: _json(whole_api())),
        "problems": (problem_pages.FILE, _problems),
    }


def _problems() -> str:
    return _json(problem_pages.problem_table(whole_api(), _compose_gateway()))


def _compose_gateway() -> str:
    upstreams = {name: f"{name}:{COMPOSE_PORT}" for name in PUBLIC}
    http = render(
        upstreams,
        listen="8080",
        resolver=COMPOSE_RESOLVER,
        limits_file="/etc/nginx/limits.conf",
    )
    return render_container(http)


def _practice_gateway() -> str:
    return render_practice({name: f"{name}:{COMPOSE_PORT}" for name in STRIPPED})


def _chart_practice_gateway() -> str:
    """Return the same for the chart, which puts the domain of its namespace in."""
    return render_practice({name: f"{name}.${{DOMAIN}}:{COMPOSE_PORT}" for name in STRIPPED})


def _dashboard(name: str) -> str:
    return _json(dashboard(name, DASHBOARDS[name]))


def _json(document: object) -> str:
    return json.dumps(document, indent=2) + "\n"
