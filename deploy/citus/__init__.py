"""Ovation's suites on a Citus cluster of one's own: `make citus-suite CITUS_DSN=...`."""
