"""What every service counts, for Prometheus; no ids in labels."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUESTS = Counter(
    "ovation_http_requests", "Requests answered.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram("ovation_http_seconds", "Time to answer a request.", ["route"])

OUTBOX_PENDING = Gauge("ovation_outbox_pending", "Messages waiting to leave.")
OUTBOX_OLDEST_AGE_SECONDS = Gauge(
    "ovation_outbox_oldest_age_seconds", "Age of the oldest message waiting to leave."
)
OUTBOX_PUBLISHED = Counter(
    "ovation_outbox_published", "Messages by what became of them.", ["outcome"]
)
OUTBOX_BLOCKED_KEYS = Gauge("ovation_outbox_blocked_keys", "Keys that wait behind a message.")
RELAY_PARTS = Gauge("ovation_relay_parts", "Parts of the outbox this process publishes.")

CONSUMER_MESSAGES = Counter(
    "ovation_consumer_messages", "Messages by what became of them.", ["queue", "type", "outcome"]
)
CONSUMER_BATCH_SIZE = Histogram(
    "ovation_consumer_batch_size",
    "Messages a batch.",
    ["queue"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
CONSUMER_HANDLE_SECONDS = Histogram(
    "ovation_consumer_handle_seconds", "Time to settle a batch.", ["queue"]
)
CONSUMER_LAG_SECONDS = Histogram(
    "ovation_consumer_lag_seconds", "Age of the oldest fact of a batch once settled.", ["queue"]
)
CONSUMER_CONNECTED = Gauge(
    "ovation_consumer_connected", "1 while the queue is consumed.", ["queue"]
)
BROKER_RECONNECTS = Counter("ovation_broker_reconnects", "Sessions that broke.", ["role"])
