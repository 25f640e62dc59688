"""Archives of ledgers, at the terminal."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.config.environment import ROOT
from deploy.config.services import SEALED
from deploy.ctl import archives, verification
from deploy.ctl.commands.options import Json, Service, Yes
from deploy.ctl.commands.runner import end, here, one_of, run
from deploy.ctl.output import FOUND_WRONG, UNREACHABLE, USAGE, complain, confirm, show, working
from deploy.ctl.report import Report
from shared.ledger.archive_file import ArchiveDamaged
from shared.ledger.archive_store import ArchiveUnavailable
from shared.ledger.archiving import ArchiverBusy, BlockBroken, Retention

app = typer.Typer(
    help="Old entries of ledgers, in files outside of the database.", no_args_is_help=True
)
_File = typer.Option(exists=True, dir_okay=False, readable=True)
Rules = Annotated[Path, _File]


@app.command("run")
def run_archiver(
    service: Service,
    *,
    rules: Rules = ROOT / "seeds" / "rules.toml",
    archives_max: Annotated[int, typer.Option("--max", min=1, help="At most so many.")] = 1_000,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Move sealed entries that are old enough into archives, and delete them from the database."""
    one_of(service, SEALED)
    retention = _retention(rules)
    confirm(
        f"Move entries of {service} older than {retention.after_days} days into archives?", yes=yes
    )
    try:
        with working("Archives are written", as_json=as_json):
            run(_run(service, retention, archives_max, report := Report(as_json=as_json)))
    except (ArchiverBusy, BlockBroken) as error:
        complain(str(error))
        raise typer.Exit(FOUND_WRONG) from error
    except ArchiveUnavailable as error:
        complain(f"{error.title()} {error.facts}")
        is_damaged = isinstance(error, ArchiveDamaged)
        raise typer.Exit(FOUND_WRONG if is_damaged else UNREACHABLE) from error
    report.end()


@app.command("ls")
def list_archives(service: Service, *, as_json: Json = False) -> None:
    """List the archives of a ledger, and until when each has to be kept."""
    found = run(archives.list_archives(here(), one_of(service, SEALED)))
    show(found, as_json=as_json, empty="There are no archives.")


@app.command("verify")
def verify_archives(service: Service, *, as_json: Json = False) -> None:
    """Compare every archive with its hash, its seals, and with what is brought forward from it."""
    report = Report(as_json=as_json)
    is_right = run(verification.verify_archives(here(), one_of(service, SEALED), report))
    report.end()
    end(is_right)


async def _run(service: str, retention: Retention, archives_max: int, report: Report) -> None:
    count = entries = 0
    made = archives.run_archiver(here(), service, retention, archives_max=archives_max)
    async for archive in made:
        report.item(
            f"{archive.file}: {archive.entries} entries, {archive.size_bytes} bytes",
            file=archive.file,
            entries=archive.entries,
            size_bytes=archive.size_bytes,
        )
        count, entries = count + 1, entries + archive.entries
    text = f"{service}: {entries} entries in {count} archives"
    report.fact(text, service=service, entries=entries, archives=count)


def _retention(rules: Path) -> Retention:
    try:
        return archives.read_retention(rules)
    except (LookupError, TypeError, ValueError) as error:
        complain(f"{rules}: {error}")
        raise typer.Exit(USAGE) from error
