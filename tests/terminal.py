"""An operator's terminal, in tests."""

from typer.testing import CliRunner

from deploy.ctl.__main__ import app

SECRETS = (
    *("auditor_database_password", "live_owner_password", "gift_database_password"),
    *("ovationctl_broker_password", "auditor_broker_password"),
)


def a_terminal(monkeypatch, *, postgres, rabbit, vhost, secrets):
    """Return a function that runs a command: it gives the exit code and what was printed."""
    monkeypatch.setenv("OVATIONCTL_POSTGRES", f"{postgres.host}:{postgres.port}")
    monkeypatch.setenv("OVATIONCTL_RABBIT", rabbit.management_url)
    monkeypatch.setenv("OVATIONCTL_BROKER", f"{rabbit.host}:{rabbit.port}")
    monkeypatch.setenv("OVATIONCTL_VHOST", vhost)
    for secret in SECRETS:
        monkeypatch.setenv(secret.upper(), secrets.read(secret))

    def run(*arguments, given=None):
        done = CliRunner().invoke(app, list(arguments), input=given)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout

    return run
