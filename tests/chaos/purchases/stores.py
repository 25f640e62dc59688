"""Stores that ask a fake: what an installation's file names as the kind of a provider."""

import base64

from appstoreserverlibrary.api_client import AsyncAppStoreServerAPIClient
from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier

from services.purchase.providers.apple import AppleProvider
from services.purchase.providers.google_access import AccessTokens, PushVerifier, ServiceAccount
from services.purchase.providers.google_play import GooglePlayProvider, client_of
from shared.vendors.installations import Installation


def apple(installation: Installation) -> AppleProvider:
    """Build an App Store at an address of our own, which Apple's own kind does not let us say."""
    bundle = installation.option("bundle")
    client = AsyncAppStoreServerAPIClient(
        installation.secret("signing_key").encode(),
        installation.option("key"),
        installation.option("issuer"),
        bundle,
        Environment.PRODUCTION,
    )
    client._base_url = installation.option("url")  # noqa: SLF001 - the library cannot say it
    root = base64.b64decode(installation.option("root"))
    app = int(installation.option("app"))
    verifier = SignedDataVerifier([root], False, Environment.PRODUCTION, bundle, app)
    return AppleProvider(name=installation.name, verifier=verifier, client=client)


def google_play(installation: Installation) -> GooglePlayProvider:
    """Build a Google Play at an address of our own."""
    account = ServiceAccount.read(installation.secret("service_account"))
    url = installation.option("url")
    return GooglePlayProvider(
        name=installation.name,
        package=installation.option("package"),
        tokens=AccessTokens(account, client_of(account.token_url)),
        pushes=PushVerifier(
            audience=installation.option("audience"),
            account=installation.option("push_account"),
            client=client_of(f"{url}/oauth2/v3/certs"),
        ),
        url=url,
    )
