"""The payout service's own laws, beside those of every ledger."""

from shared.ledger.proof import LEDGER_CHECKS

CHECKS = LEDGER_CHECKS
