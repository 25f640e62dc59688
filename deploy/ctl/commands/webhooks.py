"""Webhooks of payment providers, at the terminal."""

import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from deploy.ctl import webhooks
from deploy.ctl.commands.options import Json, Since, Yes
from deploy.ctl.commands.runner import here, run, utc
from deploy.ctl.output import FOUND_WRONG, USAGE, complain, confirm, say, show, tell
from services.purchase.domain.webhook_archive import ForeignWebhook
from services.purchase.store.webhook_archive import Choice
from shared.keyring import Undecryptable

app = typer.Typer(help="What payment providers posted.", no_args_is_help=True)
BEGINNING = datetime.fromtimestamp(0, UTC)

Provider = Annotated[str | None, typer.Option(help="Only this provider's: stripe-eu")]
WebhookId = Annotated[str | None, typer.Option("--id", help="Only the webhook of this id.")]
Until = Annotated[datetime | None, typer.Option(help="Until this time (UTC).")]


@app.command()
def ls(
    *,
    provider: Provider = None,
    webhook_id: WebhookId = None,
    since: Since = None,
    until: Until = None,
    max_count: Annotated[int, typer.Option("--max", min=1, max=10_000)] = 100,
    as_json: Json = False,
) -> None:
    """List webhooks without their content, the newest first."""
    choice = _choice(since, until, provider, webhook_id)
    found = run(webhooks.listed(here(), choice, limit=max_count))
    show(found, as_json=as_json, empty="No webhook is kept.")


@app.command("show")
def show_one(provider: str, webhook_id: str, *, as_json: Json = False) -> None:
    """Print a webhook as it came; that is written to the audit log first."""
    try:
        found = run(webhooks.show(here(), provider, webhook_id))
    except (Undecryptable, ForeignWebhook) as error:
        complain("None of the keys in purchase_webhook_archive_key opens this webhook.")
        raise typer.Exit(FOUND_WRONG) from error
    if found is None:
        complain(f"No webhook {webhook_id} of {provider} is kept.")
        raise typer.Exit(FOUND_WRONG)
    headers, body = dict(found.raw.headers), found.raw.body.decode(errors="replace")
    if as_json:
        document = {"received_at": found.received_at, "headers": headers, "body": body}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    tell(f"received-at: {found.received_at}")
    for name, value in headers.items():
        tell(f"{name}: {value}")
    tell("")
    for line in body.splitlines():
        tell(line)


@app.command()
def replay(
    *,
    provider: Provider = None,
    webhook_id: WebhookId = None,
    since: Since = None,
    until: Until = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Read webhooks again as if they had just come, and ask what became of their payments."""
    if webhook_id is None and since is None:
        complain("Give --id or --from.")
        raise typer.Exit(USAGE)
    choice = _choice(since, until, provider, webhook_id)
    confirm("Read these webhooks again, and ask their providers?", yes=yes)
    count = run(webhooks.replay(here(), choice))
    is_limited = count == webhooks.REPLAYED_MAX
    more = " There may be more: begin the next command later." if is_limited else ""
    say(f"{count} webhooks are read again.{more}", as_json=as_json, webhooks=count)


@app.command()
def keys(*, as_json: Json = False) -> None:
    """Count the webhooks by the key that encrypted them."""
    show(run(webhooks.keys(here())), as_json=as_json, empty="No webhook is kept.")


def _choice(
    since: datetime | None, until: datetime | None, provider: str | None, webhook_id: str | None
) -> Choice:
    return Choice(utc(since) or BEGINNING, utc(until) or datetime.now(UTC), provider, webhook_id)
