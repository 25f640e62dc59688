"""The payment provider: `client` asks it, `answers` reads what it says."""

from services.purchase.providers.answers import PaymentRefused, ProviderSilent, RefundRefused
from services.purchase.providers.client import Provider

__all__ = ["PaymentRefused", "Provider", "ProviderSilent", "RefundRefused"]
