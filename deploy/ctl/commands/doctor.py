"""Looking for settings that would lose money, at the terminal."""

import typer

from deploy.ctl import doctor as databases
from deploy.ctl.commands.options import Json
from deploy.ctl.commands.runner import end, here, run
from deploy.ctl.output import show

app = typer.Typer()


@app.command()
def doctor(*, as_json: Json = False) -> None:
    """Look for settings of the databases that would lose money or stop a service."""

    async def found() -> list[databases.Problem]:
        return [problem async for problem in databases.examine(here())]

    problems = run(found())
    show(
        [{"service": each.service, "problem": each.problem} for each in problems],
        as_json=as_json,
        empty="Nothing is wrong with the databases.",
    )
    end(not problems)
