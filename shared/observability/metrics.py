"""What every service counts, for Prometheus; no ids in labels."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUESTS = Counter(
    "ovation_http_requests", "Requests answered.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "ovation_http_seconds",
    "Time until the answer begins.",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

IDEMPOTENCY = Counter(
    "ovation_idempotency",
    "Requests with a key, by what the key turned out to be.",
    ["route", "outcome"],
)

OUTBOX_PENDING = Gauge("ovation_outbox_pending", "Messages waiting to leave.", ["share"])
OUTBOX_OLDEST_AGE_SECONDS = Gauge(
    "ovation_outbox_oldest_age_seconds", "Age of the oldest message waiting to leave."
)
OUTBOX_PUBLISHED = Counter(
    "ovation_outbox_published", "Messages by what became of them.", ["exchange", "outcome"]
)
OUTBOX_PUBLISH_SECONDS = Histogram(
    "ovation_outbox_publish_seconds", "Time until a batch of messages was confirmed."
)
OUTBOX_BLOCKED_KEYS = Gauge("ovation_outbox_blocked_keys", "Keys that wait behind a message.")
OUTBOX_PARKED = Counter(
    "ovation_outbox_parked", "Messages the broker would not take; an operator has to look."
)
RELAY_LEADER = Gauge(
    "ovation_relay_leader", "1 while this process publishes the share of the outbox.", ["share"]
)
INBOX_ROWS = Gauge("ovation_inbox_rows", "Messages remembered as handled, about.")

CONSUMER_MESSAGES = Counter(
    "ovation_consumer_messages", "Messages by what became of them.", ["queue", "type", "outcome"]
)
CONSUMER_BATCH_SIZE = Histogram(
    "ovation_consumer_batch_size",
    "Messages a batch.",
    ["queue"],
    # Up to the largest batch there is: live takes 4,000.
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 1_500, 2_000, 4_000),
)
CONSUMER_HANDLE_SECONDS = Histogram(
    "ovation_consumer_handle_seconds", "Time to handle a batch.", ["queue"]
)
CONSUMER_LAG_SECONDS = Histogram(
    "ovation_consumer_lag_seconds",
    "Age of the oldest event of a batch once handled.",
    ["queue"],
    # Up to an hour: what a broker or a database that was away leaves behind.
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 60, 300, 3_600),
)
CONSUMER_CONNECTED = Gauge(
    "ovation_consumer_connected", "1 while the queue is consumed.", ["queue"]
)
CONSUMER_PAUSED = Gauge(
    "ovation_consumer_paused", "1 while the queue waits for the database.", ["queue"]
)
BROKER_RECONNECTS = Counter("ovation_broker_reconnects", "Sessions that broke.", ["role"])

IN_FLIGHT = Gauge("ovation_in_flight", "Work that waits for an outcome.", ["type", "state"])
IN_FLIGHT_OVERDUE = Gauge(
    "ovation_in_flight_overdue", "Work that has waited longer than it should.", ["type"]
)

CONTRADICTIONS = Counter(
    "ovation_contradictions",
    "Answers of a provider or another service that contradict what we know.",
    ["kind"],
)

LEDGER_IMBALANCE = Gauge(
    "ovation_ledger_imbalance",
    "Entries that do not sum to zero at the last verification; anything but 0 is an alarm.",
    ["part"],
)
LEDGER_VIOLATIONS = Gauge(
    "ovation_ledger_violations",
    "Violations found by the last verification; anything but 0 is an alarm.",
    ["part"],
)
LEDGER_VERIFIED_AT = Gauge(
    "ovation_ledger_verified_timestamp_seconds", "When the last verification ended.", ["part"]
)
LEDGER_UNSEALED = Gauge("ovation_ledger_unsealed", "Entries that wait to be sealed.")
LEDGER_SEALED_AT = Gauge(
    "ovation_ledger_sealed_timestamp_seconds", "When all that was posted was last sealed."
)
