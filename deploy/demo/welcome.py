"""What `make up` says once everything runs: what to open, as whom, and what to try."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.config.environment import ROOT
from deploy.harness.system import System

COMMAND = ".venv/bin/ovationctl"
GONE = "goes when it stops; make up KEEP=folder keeps it"
PEOPLE = ROOT / "seeds" / "people.toml"
CARD = "4242 4242 4242 4242"
# Of README.md; the table there has them all.
DECLINED_CARD = "4000 0000 0000 0002"


def welcome(system: System, providers: Sequence[str], operating: str, *, kept: Path | None) -> str:
    """
    Return the lines.

    `operating` says how `ovationctl` is used with this system, `kept` where its data stay.
    """
    url = system.gateway_url.replace("127.0.0.1", "localhost")
    people = tomllib.loads(PEOPLE.read_text())
    lines = {
        "open": f"{url} and choose a person",
        "viewers": f"{_names(people['viewers'])}: {url}/wallet buys coins",
        "creators": f"{_names(people['creators'])}: {url}/creator goes live; then {url} has a room",
        "operator": f"{_names(people['operators'])}: {url}/operator has health and the books",
        "card": f"{CARD} pays, {DECLINED_CARD} is declined; any date and number",
        "pay with": ", ".join(providers),
        "API": f"{url}/openapi.json; tokens: POST {url}/issuer/token",
        "commands": operating,
        "logs": f"{system.folder}",
        "data": f"stays in {kept}; make up KEEP={kept} goes on with it" if kept else GONE,
    }
    width = max(map(len, lines))
    return "\n".join(f"  {name:{width}}  {text}" for name, text in lines.items())


def _names(people: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(str(each["name"]) for each in people)
