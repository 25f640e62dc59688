"""A token, explained: why services accept or refuse it."""

import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from deploy.config.services import DATABASES
from deploy.ctl.commands.options import Json
from deploy.ctl.commands.runner import one_of, run
from deploy.ctl.output import DONE, FOUND_WRONG, UNREACHABLE, USAGE, complain, show, tell
from deploy.ctl.tokens import InstallationTokens
from shared.identity.explanations import UNAVAILABLE, Explanation, explain
from shared.identity.several_issuers import verifier_of
from shared.identity.tokens import Identity
from shared.runtime.token_settings import TokenSettings

STANDARD_INPUT = "-"

app = typer.Typer(no_args_is_help=True, help="Tokens of your identity provider.")


@app.callback()
def _group() -> None:
    """Keep `token explain` a command of a group."""


@app.command("explain")
def explain_token(
    token: Annotated[
        str, typer.Argument(help="The token; without it, it is read from standard input.")
    ] = STANDARD_INPUT,
    *,
    service: Annotated[
        str | None,
        typer.Option(help="Read this service's settings, WALLET_JWT_..., not OVATION_JWT_..."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say for each rule what a token has, what is required, and who it is for services."""
    settings = _settings(service)
    given = sys.stdin.read() if token == STANDARD_INPUT else token
    verifier = verifier_of(settings.issuers, lifetime_seconds_max=settings.jwt_lifetime_seconds_max)
    # A warning of the verifier is no part of the document.
    with redirect_stdout(sys.stderr):
        found = run(explain(verifier, settings.issuers, _bare(given)))
    if as_json:
        show([_document(found)], as_json=True, empty="")
    else:
        _print(found)
    raise typer.Exit(_exit_code(found))


def _settings(service: str | None) -> TokenSettings:
    prefix = "OVATION_" if service is None else f"{one_of(service, DATABASES).upper()}_"
    try:
        return InstallationTokens(_env_prefix=prefix)
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            complain(f"{prefix}{name}: {problem['msg']}" if name else problem["msg"])
        raise typer.Exit(USAGE) from error


def _bare(given: str) -> str:
    """Return the token alone, also of a copied header."""
    words = given.split()
    return words[-1] if words else ""


def _exit_code(found: Explanation) -> int:
    if found.reason == UNAVAILABLE:
        return UNREACHABLE
    return DONE if found.reason is None else FOUND_WRONG


def _print(found: Explanation) -> None:
    rows = [
        {
            "rule": each.rule,
            "": each.reason or "ok",
            "the token has": each.found,
            "required": each.required,
            "note": each.hint,
        }
        for each in found.findings
    ]
    show(rows, as_json=False, empty="There is no token.")
    if found.caller is None:
        tell(f"Refused: {found.reason}")
        return
    for name, value in _caller(found.caller).items():
        tell(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
    tell("Accepted.")


def _document(found: Explanation) -> dict[str, Any]:
    return {
        "is_accepted": found.reason is None,
        "reason": found.reason,
        "caller": None if found.caller is None else _caller(found.caller),
        "rules": [asdict(each) for each in found.findings],
    }


def _caller(caller: Identity) -> dict[str, Any]:
    return {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in asdict(caller).items()
    }
