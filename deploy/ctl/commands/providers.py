"""Commands for the accounts at payment providers."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from deploy.ctl import providers
from deploy.ctl.audit import recorded
from deploy.ctl.commands.options import Json, Yes
from deploy.ctl.commands.runner import end, here, run, run_long
from deploy.ctl.installation import SECRETS
from deploy.ctl.output import FOUND_WRONG, USAGE, complain, confirm, say, show
from deploy.ctl.providers import USES, NoSuchProvider, NotWritable, NoWebhooks, Setup
from shared.http.provider_client import ProviderRejected, ProviderUnavailable
from shared.vendors.accounts import AccountReport, CreatedWebhook, WebhookExists
from shared.vendors.installations import Section

SEEDS = Path(__file__).parent.parent.parent.parent / "seeds"

app = typer.Typer(no_args_is_help=True, help="The accounts at payment providers.")
webhooks = typer.Typer(no_args_is_help=True, help="The webhooks that providers send us.")
app.add_typer(webhooks, name="webhooks")

Name = Annotated[str, typer.Argument(help="A provider of the files: stripe-eu")]
Of = Annotated[
    str | None, typer.Option("--service", help=f"Only providers of one: {', '.join(USES)}.")
]
File = Annotated[
    Path,
    typer.Option(
        "--file", envvar="PURCHASE_PROVIDERS_FILE", help="What lists those that take money."
    ),
]
PayoutFile = Annotated[
    Path,
    typer.Option(
        "--payout-file", envvar="PAYOUT_PROVIDERS_FILE", help="What lists those that send it."
    ),
]
PublicUrl = Annotated[
    str, typer.Option(envvar="OVATION_PUBLIC_URL", help="The gateway, as vendors reach it.")
]
TestPayments = Annotated[
    bool,
    typer.Option(
        "--test-payments",
        envvar=["OVATION_TEST_PAYMENTS", "PURCHASE_TEST_PAYMENTS"],
        help="Practice money moves: ask the vendors' test environments.",
    ),
]
_FILE, _PAYOUT_FILE = SEEDS / "providers.toml", SEEDS / "payout_providers.toml"


@app.command()
def check(
    name: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    *,
    public_url: PublicUrl,
    service: Of = None,
    file: File = _FILE,
    payout_file: PayoutFile = _PAYOUT_FILE,
    test_payments: TestPayments = False,
    as_json: Json = False,
) -> None:
    """Ask each provider which account our keys are of, and what would not work."""
    setup = _setup(file, payout_file, service, public_url, test_payments=test_payments)
    reports = run_long(_check(setup, name), "Providers are asked", as_json=as_json)
    rows = [_row(section, report) for section, report in reports]
    if not as_json:
        rows = [row | {"problems": "; ".join(row["problems"])} for row in rows]
    show(rows, as_json=as_json, empty="The files list no provider.")
    end(not any(report.problems for _, report in reports))


@webhooks.command()
def create(
    name: Name,
    *,
    public_url: PublicUrl,
    service: Of = None,
    file: File = _FILE,
    payout_file: PayoutFile = _PAYOUT_FILE,
    test_payments: TestPayments = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Create another one; the old one is deleted.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Create a provider's webhook with the events we read; its secret goes into its file."""
    setup = _setup(file, payout_file, service, public_url, test_payments=test_payments)
    section = _section(setup, name)
    url = setup.webhook_url(section)
    confirm(f"Create the webhook of {name}, which sends to {url}?", yes=yes)
    try:
        created = run(_create(setup, section, is_replaced=replace))
    except WebhookExists as exists:
        complain(f"There is a webhook already: {exists}. With --replace another one is created.")
        raise typer.Exit(FOUND_WRONG) from exists
    except (ProviderUnavailable, ProviderRejected) as error:
        complain(f"{name} did not do it: {error}")
        raise typer.Exit(FOUND_WRONG) from error
    done = "is created" if created.is_new else "is there, with all events"
    stored = f"; its {created.secret} is stored" if created.value is not None else ""
    say(
        f"Webhook {created.id} of {name} {done}{stored}. It sends to {url}.",
        as_json=as_json,
        provider=name,
        webhook=created.id,
        url=url,
        is_new=created.is_new,
        is_stored=created.value is not None,
    )


async def _check(setup: Setup, name: str | None) -> Sequence[tuple[Section, AccountReport]]:
    try:
        sections = setup.sections(name)
    except NoSuchProvider as error:
        complain(str(error))
        raise typer.Exit(USAGE) from error
    reports = await asyncio.gather(*(providers.check(setup, each) for each in sections))
    return list(zip(sections, reports, strict=True))


async def _create(setup: Setup, section: Section, *, is_replaced: bool) -> CreatedWebhook:
    url = setup.webhook_url(section)
    facts = {"provider": section.name, "kind": section.kind, "url": url, "is_replaced": is_replaced}
    async with recorded(here(), "providers webhooks create", **facts) as result:
        try:
            created = await providers.create_webhook(setup, section, is_replaced=is_replaced)
        except (NoWebhooks, NotWritable, AssertionError) as error:
            complain(str(error))
            raise typer.Exit(USAGE) from error
        result |= {"webhook": created.id, "is_new": created.is_new}
        result |= {"superseded": list(created.superseded)}
    return created


def _setup(
    file: Path, payout_file: Path, service: str | None, public_url: str, *, test_payments: bool
) -> Setup:
    if service not in (None, *USES):
        complain(f"{service} is none of {', '.join(USES)}.")
        raise typer.Exit(USAGE)
    files = dict(zip(USES, (file, payout_file), strict=True))
    wanted = {each: path for each, path in files.items() if service in (None, each)}
    secrets = Path(os.environ.get("OVATION_SECRETS_DIR", SECRETS))
    return Setup(wanted, secrets, public_url.rstrip("/"), is_live=not test_payments)


def _section(setup: Setup, name: str) -> Section:
    try:
        return setup.section(name)
    except NoSuchProvider as error:
        complain(str(error))
        raise typer.Exit(USAGE) from error


def _row(section: Section, report: AccountReport) -> dict[str, Any]:
    """Put the provider's name before what its account says."""
    return {"provider": section.name, "service": section.service, **asdict(report)}
