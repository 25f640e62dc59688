"""Dead letters, at the terminal."""

from collections.abc import AsyncIterator
from typing import Annotated

import typer

from deploy.ctl import dead_letters
from deploy.ctl.commands.options import Json, Queue, Yes
from deploy.ctl.commands.runner import a_queue, here, run, run_long
from deploy.ctl.output import DONE, FOUND_WRONG, complain, confirm, console, say, show

Type = Annotated[str | None, typer.Option("--type", help="Only of this type, or a part of it.")]
Id = Annotated[str | None, typer.Option("--id", help="Only this message or event.")]
Max = Annotated[int, typer.Option("--max", help="At most so many.")]

app = typer.Typer(
    help="Dead letters: messages that a service or a team could not handle.", no_args_is_help=True
)


@app.command("ls")
def list_queues(*, as_json: Json = False) -> None:
    """List which queues have dead letters, and for what reasons."""
    found = run_long(dead_letters.count(here()), "Dead letters are counted", as_json=as_json)
    show(found, as_json=as_json, empty="There are no dead letters.")


@app.command("show")
def show_dead_letters(
    queue: Queue,
    *,
    only_type: Type = None,
    only_id: Id = None,
    count_max: Max = 20,
    as_json: Json = False,
) -> None:
    """Show dead letters with their reasons; they stay in their queue."""
    selection = dead_letters.Selection(a_queue(queue), only_type, only_id, count_max)
    found = run(_listed(dead_letters.read(here(), selection)))
    _show_each(found, as_json=as_json)
    if not found and only_id is not None:
        raise typer.Exit(FOUND_WRONG)


@app.command("history")
def show_history(
    queue: Queue,
    *,
    only_type: Type = None,
    only_id: Id = None,
    count_max: Max = 1_000_000,
    as_json: Json = False,
) -> None:
    """Show what became a dead letter of a queue in 30 days, also what was redriven or removed."""
    selection = dead_letters.Selection(a_queue(queue), only_type, only_id, count_max)
    work = _listed(dead_letters.history(here(), selection))
    found = run_long(work, "The copies of dead letters are read", as_json=as_json)
    _show_each(found, as_json=as_json)


@app.command()
def redrive(
    queue: Queue,
    *,
    only_type: Type = None,
    only_id: Id = None,
    count_max: Max = 1_000_000,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Send dead letters to their queue again, if the owner of their event published them."""
    selection = dead_letters.Selection(a_queue(queue), only_type, only_id, count_max)
    confirm(f"Send the dead letters of {queue} to it again?", yes=yes)
    work = dead_letters.redrive(here(), selection)
    done = run_long(work, f"Dead letters are sent to {queue}", as_json=as_json)
    say(
        f"{done.count} sent to {queue} again.",
        as_json=as_json,
        redriven=done.count,
        refused=done.refused,
    )
    for identifier, reason in done.refused.items():
        complain(f"{identifier} stays: {reason}")
    good = not done.refused and (done.count or only_id is None)
    raise typer.Exit(DONE if good else FOUND_WRONG)


@app.command("drop")
def drop_dead_letters(
    queue: Queue,
    *,
    only_type: Type = None,
    only_id: Id = None,
    count_max: Max = 1_000_000,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete dead letters for good."""
    selection = dead_letters.Selection(a_queue(queue), only_type, only_id, count_max)
    confirm(f"Delete the dead letters of {queue} for good?", yes=yes)
    count = run(dead_letters.drop(here(), selection))
    say(f"{count} deleted.", as_json=as_json, dropped=count)
    raise typer.Exit(DONE if count or only_id is None else FOUND_WRONG)


def _show_each(found: list[dict[str, object]], *, as_json: bool) -> None:
    """Show dead letters one below the other; as JSON they are one list."""
    if as_json:
        show(found, as_json=True, empty="")
        return
    for row in found:
        console.print_json(data=row, default=str, ensure_ascii=True)


async def _listed(rows: AsyncIterator[dict[str, object]]) -> list[dict[str, object]]:
    return [row async for row in rows]
