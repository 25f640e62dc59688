"""Payment providers: practice money in an installation that others can reach."""

from collections.abc import AsyncIterator

from deploy.config.services import PAYING
from deploy.ctl.doctor.findings import Examined, Problem
from shared.vendors.installations import providers_folder

# How keys of test environments begin, at the vendors that mark them.
TEST_KEYS = ("sk_test_", "rk_test_")


async def look(examined: Examined) -> AsyncIterator[Problem]:
    """Look whether practice money buys coins, or a test key is to move real money."""
    if examined.takes_test_payments:
        if examined.is_public:
            setting = "OVATION_TEST_PAYMENTS is true"
            yield Problem(examined.public_url, f"{setting}: practice money buys coins there")
        return
    for service in PAYING:
        folder = examined.secrets / providers_folder(service)
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            if file.is_file() and file.read_text(encoding="utf-8").startswith(TEST_KEYS):
                action = "Store the live key of the provider (ovationctl rotate NAME --given)"
                yield Problem(str(file), "a key of the provider's test environment", action)
