"""The audit log, at the terminal."""

from collections.abc import Mapping
from datetime import datetime

import typer

from deploy.ctl import audit as records
from deploy.ctl.commands.options import Json, Since
from deploy.ctl.commands.runner import here, run, utc
from deploy.ctl.output import show

app = typer.Typer()
_FIRST = ("at", "operator", "host", "act", "state")


@app.command()
def audit(*, since: Since = None, as_json: Json = False) -> None:
    """List what operators did to messages, rights and teams on the broker."""
    found = run(_lines(utc(since)))
    if not as_json:
        found = [_row(line) for line in found]
    show(found, as_json=as_json, empty="The audit log is empty.")


async def _lines(since: datetime | None) -> list[Mapping[str, object]]:
    return [
        line
        async for line in records.lines(here())
        if since is None or datetime.fromisoformat(str(line["at"])) >= since
    ]


def _row(line: Mapping[str, object]) -> Mapping[str, object]:
    """Put what every line has into columns, and the rest into one."""
    facts = {name: value for name, value in line.items() if name not in _FIRST}
    return {**{name: line.get(name) for name in _FIRST}, "facts": facts}
