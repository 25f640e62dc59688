"""The proof that the money books add up, and hold what the provider holds."""

from services.purchase.store.proof import CHECKS

__all__ = ["CHECKS"]
