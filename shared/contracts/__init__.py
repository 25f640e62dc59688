"""
The published language: every event as data, one module a service, importable with pydantic alone.

Within a version only optional fields are added; anything else is a new version beside the old.
"""
