"""The sandbox's account, for operators: whether it is there and takes our key."""

from shared.vendors import sandbox_account
from shared.vendors.accounts import Account
from shared.vendors.installations import Installation


def build(installation: Installation) -> Account:
    return sandbox_account.account_of(installation, "/payments")
