"""What a consumer counts, for Prometheus; no ids in labels."""

from prometheus_client import Counter, Gauge, Histogram

from ..amqp.receive import Metrics

RECEIVED = Metrics(
    messages=Counter(
        "ovation_kit_messages",
        "Messages by outcome: applied, stale, duplicate, ignored, retried, dead_lettered.",
        ["queue", "type", "outcome"],
    ),
    lag_seconds=Histogram(
        "ovation_kit_lag_seconds",
        "Age of the oldest event of a batch once handled.",
        ["queue"],
        buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 3_600, 86_400),
    ),
    paused=Gauge("ovation_kit_paused", "1 while the queue waits for the database.", ["queue"]),
)
CONNECTED = Gauge("ovation_kit_connected", "1 while the queue is consumed.", ["queue"])
RECONNECTS = Counter("ovation_kit_reconnects", "Sessions that broke.", ["queue"])
