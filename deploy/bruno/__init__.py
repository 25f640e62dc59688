"""A collection of requests for Bruno: a tour with assertions, and every operation of the API."""
