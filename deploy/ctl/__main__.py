"""
The operator's commands: `ovationctl --help`.

Exit codes: 0 done; 1 a check failed, or the object does not exist; 2 wrong usage, or no terminal to
confirm at; 3 a server cannot be reached. A command that changes data asks first; `--yes` answers.
`--json` prints one document for programs.
"""

import typer

from deploy.ctl.commands import (
    archives,
    audit,
    capacity,
    dead_letters,
    doctor,
    economics,
    events,
    files,
    filings,
    finance,
    hooks,
    new,
    operations,
    outboxes,
    parts,
    prices,
    providers,
    replays,
    settlements,
    teams,
    tokens,
    topology,
    verification,
    webhooks,
)

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(files.app)
app.add_typer(verification.app)
app.add_typer(doctor.app)
app.add_typer(replays.app)
app.add_typer(dead_letters.app, name="dlq")
app.add_typer(outboxes.app, name="outbox")
app.add_typer(parts.app, name="parts")
app.add_typer(topology.app, name="topology")
app.add_typer(verification.seal, name="seal")
app.add_typer(archives.app, name="archive")
app.add_typer(events.app, name="events")
app.add_typer(teams.app, name="team")
app.add_typer(hooks.app, name="hooks")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(providers.app, name="providers")
app.add_typer(settlements.app, name="settlements")
app.add_typer(tokens.app, name="token")
app.add_typer(audit.app)
app.add_typer(economics.app)
app.add_typer(capacity.app)
app.add_typer(prices.app, name="prices")
app.add_typer(filings.app, name="filings")
app.add_typer(finance.app, name="finance")
app.add_typer(new.app, name="new")
app.add_typer(operations.app)

if __name__ == "__main__":
    app()
