"""
What operators can ask the app stores: whether our keys open the app, and if webhooks arrive.

Where notifications go is set in App Store Connect and in Google's Pub/Sub, and not by us.
"""

import asyncio
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
from appstoreserverlibrary.api_client import (
    APIError,
    APIException,
    AsyncAppStoreServerAPIClient,
)
from appstoreserverlibrary.models.SendAttemptResult import SendAttemptResult

from services.purchase.providers.apple import client_of_app
from services.purchase.providers.google_access import AccessTokens, ServiceAccount
from services.purchase.providers.google_play import API, client_of
from shared.http.provider_client import ProviderUnavailable
from shared.vendors.accounts import AccountReport, clock_ahead, clock_problems
from shared.vendors.installations import Installation

# Apple sends a test notification within moments; it is asked this often what became of it.
TEST_LOOKS = 15
TEST_LOOK_SECONDS = 2.0


class AppleAccount:
    """The App Store of one app, in one environment."""

    def __init__(
        self,
        *,
        bundle: str,
        environment: str,
        client: AsyncAppStoreServerAPIClient,
        look_seconds: float = TEST_LOOK_SECONDS,
    ) -> None:
        self._bundle = bundle
        self._environment = environment
        self._client = client
        self._look_seconds = look_seconds

    async def check(self, webhook_url: str) -> AccountReport:
        """Let Apple send us its test notification, and ask it whether that has arrived."""
        problem = None
        try:
            problem = await self._test()
        except APIException as error:
            if error.api_error is not APIError.SERVER_NOTIFICATION_URL_NOT_FOUND:
                raise ProviderUnavailable(f"Apple answered {error.http_status_code}") from error
            problem = f"App Store Connect has no address for notifications: enter {webhook_url}"
        except httpx.HTTPError as error:
            raise ProviderUnavailable(repr(error)) from error
        return AccountReport(
            account=self._bundle,
            environment=self._environment,
            webhook="a test notification arrived" if problem is None else "not reached",
            problems=(problem,) if problem else (),
        )

    async def close(self) -> None:
        await self._client.async_close()  # type: ignore[no-untyped-call]

    async def _test(self) -> str | None:
        """Return why the test notification did not arrive."""
        requested = await self._client.request_test_notification()
        token = requested.testNotificationToken
        if token is None:
            raise ProviderUnavailable("Apple named no test notification")
        for _ in range(TEST_LOOKS):
            await asyncio.sleep(self._look_seconds)
            try:
                attempts = (await self._client.get_test_notification_status(token)).sendAttempts
            except APIException as error:
                # It is not known at once.
                if error.api_error is not APIError.TEST_NOTIFICATION_NOT_FOUND:
                    raise
                attempts = None
            if attempts:
                result = attempts[-1].sendAttemptResult
                if result is SendAttemptResult.SUCCESS:
                    return None
                reason = result.value if result else attempts[-1].rawSendAttemptResult
                return f"Apple's test notification did not arrive: {reason}"
        return "Apple did not send its test notification in time"


class GooglePlayAccount:
    """One app of Google Play, as our service account sees it."""

    def __init__(
        self,
        *,
        package: str,
        account: ServiceAccount,
        tokens: AccessTokens,
        is_live: bool,
        url: str = API,
    ) -> None:
        self._package = package
        self._account = account
        self._tokens = tokens
        self._is_live = is_live
        self._client = client_of(url)

    async def check(self, webhook_url: str) -> AccountReport:
        """List one voided purchase, which the same right is needed for as for all we do."""
        del webhook_url
        asked_at = datetime.now(UTC)
        path = f"/androidpublisher/v3/applications/{quote(self._package, safe='')}"
        answer = await self._client.request(
            "GET",
            f"{path}/purchases/voidedpurchases",
            params={"maxResults": "1"},
            headers=await self._tokens.headers(),
        )
        ahead = clock_ahead(answer.headers, asked_at)
        if answer.status in (401, 403, 404):
            problem = f"Google answered {answer.status}: give {self._account.email} access to it"
            return self._report("unknown", ahead, problem)
        if answer.status // 100 != 2:
            raise ProviderUnavailable(f"{answer.path} answered {answer.status}")
        return self._report("send a test notification in the Play Console", ahead)

    async def close(self) -> None:
        await self._client.close()
        await self._tokens.close()

    def _report(self, webhook: str, ahead: int | None, *problems: str) -> AccountReport:
        return AccountReport(
            account=f"{self._package} ({self._account.email})",
            environment="real purchases" if self._is_live else "test purchases",
            webhook=webhook,
            clock_ahead_seconds=ahead,
            problems=(*problems, *clock_problems(ahead)),
        )


def build_apple(installation: Installation) -> AppleAccount:
    return AppleAccount(
        bundle=installation.option("bundle"),
        environment=installation.option("environment"),
        client=client_of_app(installation),
    )


def build_google_play(installation: Installation) -> GooglePlayAccount:
    account = ServiceAccount.read(installation.secret("service_account"))
    return GooglePlayAccount(
        package=installation.option("package"),
        account=account,
        tokens=AccessTokens(account, client_of(account.token_url)),
        is_live=installation.is_live,
    )
