"""Clients of the API in Python and TypeScript: generated out of the OpenAPI document."""
