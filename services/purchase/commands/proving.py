"""The proof that the money books add up, and hold what the provider holds."""

from services.purchase.store.invariants import INVARIANTS

__all__ = ["INVARIANTS"]
