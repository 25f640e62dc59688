"""Ovation's events for other teams: `ovation.contracts`, and `ovation.kit` to consume them."""
