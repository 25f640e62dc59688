"""The whole story, played through the public API."""
