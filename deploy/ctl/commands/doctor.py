"""The doctor, at the terminal."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from deploy.ctl.commands.options import Json
from deploy.ctl.commands.runner import one_of
from deploy.ctl.doctor import examine
from deploy.ctl.doctor.checks import BY_NAME, CHECKS
from deploy.ctl.doctor.findings import (
    DEAD_LETTERS_MAX,
    OUTBOX_SECONDS_MAX,
    Check,
    Examined,
    Finding,
    Limits,
    State,
)
from deploy.ctl.output import DONE, FOUND_WRONG, UNREACHABLE, show, tell, working

app = typer.Typer()
_NAMES = ", ".join(BY_NAME)


@app.command()
def doctor(
    *,
    only: Annotated[list[str], typer.Option(help=f"Only this check: {_NAMES}.")] = [],  # noqa: B006
    skip: Annotated[list[str], typer.Option(help="Not this check.")] = [],  # noqa: B006
    outbox_seconds: Annotated[
        float, typer.Option(min=0, help="How long a message may wait in an outbox.")
    ] = OUTBOX_SECONDS_MAX,
    dead_letters: Annotated[
        int, typer.Option(min=0, help="How many dead letters a queue may have.")
    ] = DEAD_LETTERS_MAX,
    as_json: Json = False,
) -> None:
    """
    Examine an installation, from its addresses to its clocks.

    Exit code 1: something is wrong. 3: nothing that was seen is wrong, but something could not be
    looked at.
    """
    checks = _chosen(only, skip)
    examined = Examined.from_environment(Limits(outbox_seconds, dead_letters))
    with working(f"{len(checks)} checks", as_json=as_json):
        found = asyncio.run(examine(examined, checks))
    if as_json:
        show([_row(each) for each in found], as_json=True, empty="")
    else:
        _print(found, len(checks))
    states = {each.state for each in found}
    if State.WRONG in states:
        raise typer.Exit(FOUND_WRONG)
    raise typer.Exit(UNREACHABLE if State.UNKNOWN in states else DONE)


def _chosen(only: Sequence[str], skip: Sequence[str]) -> list[Check]:
    for name in (*only, *skip):
        one_of(name, BY_NAME)
    return [
        check for check in CHECKS if (not only or check.name in only) and check.name not in skip
    ]


def _print(found: Sequence[Finding], count: int) -> None:
    for each in found:
        place = f" {each.place}:" if each.place else ""
        style = "red" if each.state is State.WRONG else "yellow"
        tell(f"{each.state.value} {each.check}:{place} {each.problem}. {each.action}.", style=style)
    wrong = sum(each.state is State.WRONG for each in found)
    well = count - len({each.check for each in found})
    tell(f"{count} checks: {well} well, {wrong} findings wrong, {len(found) - wrong} unknown.")


def _row(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "state": finding.state.value,
        "place": finding.place,
        "problem": finding.problem,
        "action": finding.action,
    }
