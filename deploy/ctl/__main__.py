"""
The operator's commands.

**Which again?** Dead letters to the queue they were in: `dlq redrive`. Events of the last 30 days
to one queue, from the log: `replay`. Older events to one queue, from their owner's tables:
`republish`. All of live's tables, from both: `rebuild`.

**Which installation?** The one that `OVATIONCTL_POSTGRES`, `OVATIONCTL_RABBIT` and
`OVATIONCTL_BROKER` name; without them, what `make up` runs in this checkout.

**Exit codes**: 0 done; 1 a check failed, or the object does not exist; 2 wrong usage, or no
terminal to confirm at; 3 a server cannot be reached. A command that changes data asks first;
`--yes` answers. `--json` prints one document for programs.
"""

import os
from typing import Annotated

import typer

from deploy.config import running
from deploy.ctl.commands.late import Late, late_group
from deploy.ctl.output import complain

COMMANDS = {
    "doctor": Late("doctor", "Examine an installation, from its addresses to its clocks."),
    "verify": Late(
        "verification", "Derive balances and lots again from the postings, and compare."
    ),
    "reconcile": Late("verification", "Compare the services with each other."),
    "seal": Late("verification", "The hash chain over a ledger's history.", "seal"),
    "dlq": Late(
        "dead_letters", "Dead letters: messages that a service or a team could not handle.", "app"
    ),
    "outbox": Late("outboxes", "Messages that wait in a service's outbox.", "app"),
    "replay": Late("replays", "Send a queue its events again, from the logs."),
    "republish": Late(
        "replays", "Send a queue the events of a service again, from its tables, with their ids."
    ),
    "rebuild": Late("replays", "Empty live's tables and fill them again from gift and the log."),
    "events": Late("events", "Published events, samples, and a check of your own events.", "app"),
    "topology": Late("topology", "The broker's queues and bindings.", "app"),
    "audit": Late("audit", "List what operators did to messages, rights and teams on the broker."),
    "team": Late("teams", "Other teams: what each may read, and its queue.", "app"),
    "hooks": Late(
        "hooks", "Events that are posted to teams without a broker: who may have which.", "app"
    ),
    "webhooks": Late("webhooks", "What payment providers posted.", "app"),
    "providers": Late("providers", "The accounts at payment providers.", "app"),
    "settlements": Late("settlements", "What providers settled, beside our books.", "app"),
    "token": Late("tokens", "Tokens of your identity provider.", "app"),
    "prices": Late(
        "prices", "Prices of coins: what holds when, and whether the past stays.", "app"
    ),
    "economics": Late(
        "economics",
        "Show what is left of each package in each channel after tax, fees and diamonds.",
    ),
    "finance": Late("finance", "Liabilities of a day.", "app"),
    "filings": Late(
        "filings", "Yearly totals of creators by country, for forms of tax authorities.", "app"
    ),
    "capacity": Late(
        "capacity",
        "Show how many machines 1,000 to 1,000,000 gifts/s need, and what is full first.",
    ),
    "archive": Late("archives", "Old entries of ledgers, in files outside of the database.", "app"),
    "parts": Late("parts", "The parts of a service's users, and where they are.", "app"),
    "backup": Late("operations", "Copy every service's database, all at one moment."),
    "restore": Late(
        "operations", "Restore databases from their copies; stop their services first."
    ),
    "rotate": Late(
        "operations",
        "Write a new secret, above the one it replaces where both are good for a while.",
    ),
    "roll": Late(
        "operations",
        "Replace every instance in Docker Compose, service by service, without downtime.",
    ),
    "secrets": Late("files", "Make the missing secrets."),
    "contracts": Late(
        "files",
        "Write what is generated: topology, gateway, API, and what is new about the events.",
    ),
    "new": Late("new", "Add to this checkout, from templates.", "app"),
}

app = typer.Typer(
    cls=late_group(COMMANDS),
    help=__doc__,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


@app.callback()
def say_which(
    context: typer.Context,
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Say on standard error where addresses are from.")
    ] = False,
) -> None:
    if verbose:
        place = context.obj or "variables of the environment, and what is usual"
        complain(f"Addresses and passwords are from {place}.")


def main() -> None:
    """Run the command that the arguments name, with what `make up` wrote if it runs."""
    place = None
    try:
        place = running.FILE if running.adopt(os.environ) else None
    except (running.Stale, OSError) as error:
        complain(f"{error}.")
    app(prog_name="ovationctl", obj=place)


if __name__ == "__main__":
    main()
