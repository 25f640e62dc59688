"""Files that are generated and committed: the broker's topology, the gateway, the whole API."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from deploy.gateway.nginx import UPSTREAMS, render, render_container
from deploy.gateway.openapi import whole_api
from deploy.observability.dashboards import DASHBOARDS, dashboard
from shared.messaging.topology import topology

DEPLOY = Path(__file__).parent.parent
# Docker's own resolver, inside every network that Compose makes.
COMPOSE_RESOLVER = "127.0.0.11"
COMPOSE_PORT = 8000


def write_contracts(*, only: str | None = None) -> None:
    for name, (path, generate) in _generated().items():
        if only in (None, name):
            path.parent.mkdir(exist_ok=True)
            path.write_text(generate())


def stale_files() -> list[str]:
    """Return the files that are not what would be generated now."""
    return [
        str(path)
        for path, generate in _generated().values()
        if not path.exists() or path.read_text() != generate()
    ]


def _generated() -> Mapping[str, tuple[Path, Callable[[], str]]]:
    boards = DEPLOY / "observability" / "grafana" / "dashboards"
    return {
        **{name: (boards / f"{name}.json", partial(_dashboard, name)) for name in DASHBOARDS},
        "topology": (DEPLOY / "rabbitmq" / "10-topology.json", lambda: _json(topology())),
        "gateway": (DEPLOY / "gateway" / "nginx.conf", _compose_gateway),
        "openapi": (DEPLOY / "gateway" / "openapi.json", lambda: _json(whole_api())),
    }


def _compose_gateway() -> str:
    upstreams = {name: f"{name}:{COMPOSE_PORT}" for name in UPSTREAMS}
    http = render(
        upstreams,
        listen="8080",
        resolver=COMPOSE_RESOLVER,
        limits_file="/etc/nginx/limits.conf",
    )
    return render_container(http)


def _dashboard(name: str) -> str:
    return _json(dashboard(name, DASHBOARDS[name]))


def _json(document: object) -> str:
    return json.dumps(document, indent=2) + "\n"
