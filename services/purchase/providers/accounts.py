"""What operators can ask the accounts of purchase's providers: `shared/vendors/accounts.py`."""

from collections.abc import Mapping

from services.purchase.providers.paypal_events import EVENTS as PAYPAL_EVENTS
from services.purchase.providers.stripe_events import EVENTS as STRIPE_EVENTS
from shared.vendors import paypal_account, stripe_account
from shared.vendors.accounts import Account
from shared.vendors.installations import Installation

# What makes the account of each kind; it is imported when somebody asks for one.
ACCOUNTS: Mapping[str, str] = {
    "apple": "services.purchase.providers.store_accounts:build_apple",
    "google_play": "services.purchase.providers.store_accounts:build_google_play",
    "paypal": "services.purchase.providers.accounts:build_paypal",
    "sandbox": "services.purchase.providers.sandbox_account:build",
    "stripe": "services.purchase.providers.accounts:build_stripe",
}


def build_paypal(installation: Installation) -> Account:
    return paypal_account.account_of(installation, PAYPAL_EVENTS)


def build_stripe(installation: Installation) -> Account:
    return stripe_account.account_of(installation, STRIPE_EVENTS)
