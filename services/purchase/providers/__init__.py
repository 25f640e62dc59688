"""Payment providers: what they are asked, and what their answers and webhooks say."""

from services.purchase.providers.answers import Refund
from services.purchase.providers.client import Provider

__all__ = ["Provider", "Refund"]
