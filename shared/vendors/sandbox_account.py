"""The sandbox's account, for operators: whether it is there and takes our key."""

from datetime import UTC, datetime
from uuid import UUID

from shared.http.provider_client import ProviderClient, ProviderUnavailable
from shared.vendors.accounts import AccountReport, clock_ahead, clock_problems
from shared.vendors.installations import Installation

ANSWER_SECONDS_MAX = 5.0
CONNECTIONS_MAX = 1
# Nothing was ever ordered under this reference.
NO_REFERENCE = UUID(int=0)


class SandboxAccount:
    """The sandbox, or what speaks its protocol at another address."""

    def __init__(self, *, url: str, api_key: str, path: str) -> None:
        self._url = url
        self._path = path
        self._client = ProviderClient(
            url=url,
            api_key=api_key,
            answer_seconds_max=ANSWER_SECONDS_MAX,
            connections_max=CONNECTIONS_MAX,
        )

    async def check(self, webhook_url: str) -> AccountReport:
        """List what was ordered under a reference that does not exist."""
        del webhook_url
        asked_at = datetime.now(UTC)
        answer = await self._client.request(
            "GET", self._path, params={"reference": str(NO_REFERENCE)}
        )
        if answer.status != 200:
            raise ProviderUnavailable(f"{answer.path} answered {answer.status}")
        ahead = clock_ahead(answer.headers, asked_at)
        return AccountReport(
            account=self._url,
            environment="practice",
            webhook="set where the sandbox is started",
            clock_ahead_seconds=ahead,
            problems=clock_problems(ahead),
        )

    async def close(self) -> None:
        await self._client.close()


def account_of(installation: Installation, path: str) -> SandboxAccount:
    """Build the account; `path` is of the list to look into."""
    return SandboxAccount(
        url=installation.option("url"), api_key=installation.secret("api_key"), path=path
    )
