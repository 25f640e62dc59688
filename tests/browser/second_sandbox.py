"""A second installation of the sandbox: another name, and the account of the first."""

from dataclasses import replace

from services.purchase.providers.sandbox import SandboxProvider


def build(installation):
    account = replace(installation, name="sandbox")
    return SandboxProvider(
        name=installation.name,
        url=installation.option("url"),
        api_key=account.secret("api_key"),
        webhook_secret=account.secret("webhook_secret"),
        return_url=installation.return_url,
    )
