"""What the payout service does: books earnings, quotes, pays out, and follows the money."""
