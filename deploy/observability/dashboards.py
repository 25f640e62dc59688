"""Grafana's dashboards, written as what they ask: `make contracts` makes the JSON from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, PANEL_WIDTH, PANEL_HEIGHT = 24, 12, 8
Document = dict[str, object]


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: its questions to Prometheus, each with what its lines are called."""

    title: str
    unit: str
    asks: Mapping[str, str]


def _handled(event: str, *, by: str) -> str:
    """Return how many events of one name one service applies each second."""
    chosen = f'queue=~"{by}[.].*",type=~".*[.]{event}[.]v.*",outcome="applied"'
    return f"sum(rate(ovation_consumer_messages_total{{{chosen}}}[5m]))"


MONEY = (
    Panel(
        "Facts handled",
        "ops",
        {
            "coins bought": _handled("purchase[.]paid", by="wallet"),
            "gifts asked for": _handled("gift[.]requested", by="wallet"),
            "gifts sent": _handled("gift[.]sent", by="payout"),
            "charged back": _handled("purchase[.]disputed", by="wallet"),
        },
    ),
    Panel(
        "Waiting for an outcome",
        "short",
        {"{{type}} {{state}}": "max by (type, state) (ovation_in_flight)"},
    ),
    Panel("Waiting too long", "short", {"{{type}}": "max by (type) (ovation_in_flight_overdue)"}),
    Panel(
        "Ledger violations",
        "short",
        {
            "{{service}} {{part}}": "max by (service, part) (ovation_ledger_violations)",
            "{{service}} {{part}} out of balance": "max by (service, part)"
            " (ovation_ledger_imbalance)",
        },
    ),
    Panel(
        "Since the last verification",
        "s",
        {"{{service}} {{part}}": "time() - ovation_ledger_verified_timestamp_seconds"},
    ),
    Panel("Entries not sealed yet", "short", {"{{service}}": "ovation_ledger_unsealed"}),
    Panel("Services agree", "short", {"agree": "ovation_services_agree"}),
    Panel("Longest waiting payout", "s", {"{{state}}": "ovation_payouts_oldest_age_seconds"}),
)
MESSAGES = (
    Panel(
        "Outbox: oldest fact",
        "s",
        {"{{service}}": "max by (service) (ovation_outbox_oldest_age_seconds)"},
    ),
    Panel("Outbox: waiting", "short", {"{{service}}": "sum by (service) (ovation_outbox_pending)"}),
    Panel(
        "Published",
        "ops",
        {
            "{{service}} {{outcome}}": "sum by (service, outcome)"
            " (rate(ovation_outbox_published_total[5m]))"
        },
    ),
    Panel(
        "Handled",
        "ops",
        {
            "{{queue}} {{outcome}}": "sum by (queue, outcome)"
            " (rate(ovation_consumer_messages_total[5m]))"
        },
    ),
    Panel(
        "Age once settled, 99 of 100",
        "s",
        {
            "{{queue}}": "histogram_quantile(0.99, sum by (queue, le)"
            " (rate(ovation_consumer_lag_seconds_bucket[5m])))"
        },
    ),
    Panel(
        "Dead letters",
        "short",
        {"{{queue}}": 'rabbitmq_detailed_queue_messages{queue=~".+[.]dlq"}'},
    ),
    Panel("In queues", "short", {"{{queue}}": "rabbitmq_detailed_queue_messages"}),
    Panel("Blocked keys", "short", {"{{service}}": "ovation_outbox_blocked_keys"}),
    Panel(
        "Messages a batch, 9 of 10",
        "short",
        {
            "{{queue}}": "histogram_quantile(0.9, sum by (queue, le)"
            " (rate(ovation_consumer_batch_size_bucket[5m])))"
        },
    ),
    Panel(
        "Sessions that broke",
        "short",
        {
            "{{service}} {{role}}": "sum by (service, role)"
            " (increase(ovation_broker_reconnects_total[1h]))"
        },
    ),
)
SERVICES = (
    Panel(
        "Requests",
        "reqps",
        {"{{service}}": "sum by (service) (rate(ovation_http_requests_total[5m]))"},
    ),
    Panel(
        "Errors",
        "reqps",
        {
            "{{service}} {{status}}": "sum by (service, status)"
            ' (rate(ovation_http_requests_total{status=~"5.."}[5m]))'
        },
    ),
    *(
        Panel(
            f"Answer begins, {share}",
            "s",
            {
                "{{service}}": f"histogram_quantile({quantile}, sum by (service, le)"
                ' (rate(ovation_http_seconds_bucket{route!~".*/events"}[5m])))'
            },
        )
        for share, quantile in (("half", 0.5), ("99 of 100", 0.99))
    ),
    Panel(
        "Keys that came again",
        "reqps",
        {
            "{{route}} {{outcome}}": "sum by (route, outcome)"
            ' (rate(ovation_idempotency_total{outcome!="new"}[5m]))'
        },
    ),
    Panel("Instances", "short", {"{{service}}": 'sum by (service) (up{job="ovation"})'}),
    Panel(
        "Processor",
        "short",
        {"{{service}}": "sum by (service) (rate(process_cpu_seconds_total[5m]))"},
    ),
    Panel("Memory", "bytes", {"{{service}} {{instance}}": "process_resident_memory_bytes"}),
)
DATABASE = (
    Panel(
        "Transactions", "ops", {"{{datname}}": "rate(pg_stat_database_xact_commit{datid!='0'}[5m])"}
    ),
    Panel("Rolled back", "ops", {"{{datname}}": "rate(pg_stat_database_xact_rollback[5m])"}),
    Panel("Connections", "short", {"{{datname}}": "pg_stat_database_numbackends"}),
    Panel("Deadlocks", "short", {"{{datname}}": "increase(pg_stat_database_deadlocks[1h])"}),
    Panel("Size", "bytes", {"{{datname}}": "pg_database_size_bytes"}),
    Panel("Locks", "short", {"{{datname}} {{mode}}": "pg_locks_count > 0"}),
    Panel("Inbox", "short", {"{{service}}": "ovation_inbox_rows"}),
)
DASHBOARDS = {"money": MONEY, "messages": MESSAGES, "services": SERVICES, "database": DATABASE}


def dashboard(name: str, panels: Sequence[Panel]) -> Document:
    """Return a dashboard as Grafana reads it from a file."""
    return {
        "uid": f"ovation-{name}",
        "title": f"Ovation: {name}",
        "tags": ["ovation"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> Document:
    across = WIDTH // PANEL_WIDTH
    targets = [
        {"refId": chr(ord("A") + place), "expr": ask, "legendFormat": called}
        for place, (called, ask) in enumerate(panel.asks.items())
    ]
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": {"type": "prometheus", "uid": "prometheus"},
        "gridPos": {
            "x": number % across * PANEL_WIDTH,
            "y": number // across * PANEL_HEIGHT,
            "w": PANEL_WIDTH,
            "h": PANEL_HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }
