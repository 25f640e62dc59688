"""The events as documents for other teams, generated from the contracts."""
