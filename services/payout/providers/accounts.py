"""What operators can ask the accounts of payout's providers: `shared/vendors/accounts.py`."""

from collections.abc import Mapping

from services.payout.domain.bank_accounts import Debtor
from services.payout.providers import bank_file
from services.payout.providers.paypal_answers import EVENTS as PAYPAL_EVENTS
from services.payout.providers.stripe_answers import EVENTS as STRIPE_EVENTS
from shared.vendors import paypal_account, sandbox_account, stripe_account
from shared.vendors.accounts import Account, AccountReport
from shared.vendors.installations import Installation

# What makes the account of each kind; it is imported when an operator asks for one.
ACCOUNTS: Mapping[str, str] = {
    "bank_file": "services.payout.providers.accounts:build_bank",
    "paypal": "services.payout.providers.accounts:build_paypal",
    "sandbox": "services.payout.providers.accounts:build_sandbox",
    "stripe": "services.payout.providers.accounts:build_stripe",
}


class DebtorAccount:
    """The account that bank files are paid from. No network leads to it: its section is read."""

    def __init__(self, debtor: Debtor) -> None:
        self._debtor = debtor

    async def check(self, webhook_url: str) -> AccountReport:
        """Name the account; a bank posts no webhooks."""
        del webhook_url
        return AccountReport(
            account=f"{self._debtor.name}, {self._debtor.iban}",
            environment="practice" if self._debtor.is_practice else "live",
            webhook="none: an operator brings the bank's reports",
        )

    async def close(self) -> None:
        """Nothing is open."""


def build_bank(installation: Installation) -> Account:
    return DebtorAccount(bank_file.build(installation).rules.debtor)


def build_paypal(installation: Installation) -> Account:
    return paypal_account.account_of(installation, PAYPAL_EVENTS)


def build_sandbox(installation: Installation) -> Account:
    return sandbox_account.account_of(installation, "/transfers")


def build_stripe(installation: Installation) -> Account:
    return stripe_account.account_of(installation, STRIPE_EVENTS)
