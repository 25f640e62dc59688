"""Databases and roles of an installation: made once, safe to run again."""
