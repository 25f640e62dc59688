"""Options and arguments that several commands have."""

from datetime import datetime
from typing import Annotated

import typer

from shared.contracts.routes import SERVICES

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Queue = Annotated[str, typer.Option("--queue", help="A work queue: wallet.gifts")]
Event = Annotated[list[str], typer.Option("--event", help="Only these events: gift.sent")]
Since = Annotated[datetime | None, typer.Option("--from", help="From this time on (UTC).")]
Service = Annotated[str, typer.Argument(help=", ".join(SERVICES))]
