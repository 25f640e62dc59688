"""
How facts leave a service and how they arrive: outbox, relay, broker, consumer, inbox.

A fact is written to the outbox in the transaction that caused it; the relay publishes it and
deletes it once the broker has confirmed it. A consumer takes a batch, drops what its inbox has
seen, and acknowledges after the commit. So delivery is at least once and the effect exactly once.
"""
