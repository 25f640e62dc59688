"""Every statement the payout service sends to PostgreSQL, beside the ledger's own."""
