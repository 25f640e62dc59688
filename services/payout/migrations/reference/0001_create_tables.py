"""
What is of no single creator: the audit log, announced rates, webhooks and reports of banks.

Webhooks and reports name payments, and not whose they are.
"""

from shared.ledger.schema import AUDIT
from shared.messaging.schema import EVENT_ARCHIVE, MAILBOXES
from shared.postgres.migrate import has_several_parts, run_sql

revision = "0001"
down_revision = None

RATES = """
-- Versions of the rate plans in seeds/rates.toml, as they were when the service first saw them.
CREATE TABLE rate_announcements (
    version               integer      PRIMARY KEY,
    plan                  text         NOT NULL,
    effective_from        timestamptz  NOT NULL,
    currency              text         NOT NULL,
    value_minor_per_1000  bigint       NOT NULL
                          CONSTRAINT announced_rate_is_positive CHECK (value_minor_per_1000 > 0),
    published_at          timestamptz  NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT ON rate_announcements TO payout;
"""
WEBHOOK_EVENTS = """
CREATE TABLE webhook_events (
    id            bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider      text         NOT NULL,
    webhook_id    text         NOT NULL,
    kind          text         NOT NULL,
    attempt       uuid,
    payload_hash  bytea        NOT NULL,
    received_at   timestamptz  NOT NULL DEFAULT now(),
    CONSTRAINT one_webhook_event_each UNIQUE (provider, webhook_id)
);
GRANT SELECT, INSERT ON webhook_events TO payout;
"""
BANK_FILES = """
-- A file that is begun and not there yet: removed with the file, or if it pays nothing.
CREATE TABLE bank_cutoffs (
    file            uuid         PRIMARY KEY,
    ordered_before  timestamptz  NOT NULL,
    payments_max    integer      NOT NULL CONSTRAINT bank_cutoff_of_payments
                    CHECK (payments_max > 0),
    made_by         text         NOT NULL,
    reason          text
);
GRANT SELECT, INSERT, DELETE ON bank_cutoffs TO payout;

CREATE TABLE bank_files (
    id            uuid         PRIMARY KEY,
    payments      integer      NOT NULL CONSTRAINT bank_file_of_payments CHECK (payments > 0),
    amount_minor  bigint       NOT NULL CONSTRAINT bank_file_of_money CHECK (amount_minor > 0),
    currency      text         NOT NULL,
    made_at       timestamptz  NOT NULL,
    made_by       text         NOT NULL,
    key_id        text         NOT NULL,
    encrypted     bytea        NOT NULL
);
CREATE INDEX bank_files_by_time ON bank_files (made_at, id);
CREATE INDEX bank_files_by_key ON bank_files (key_id);
GRANT SELECT, INSERT ON bank_files TO payout;
-- Encrypted again when the key is replaced; what it pays never changes.
GRANT UPDATE (key_id, encrypted) ON bank_files TO payout;
"""
BANK_REPORTS = """
CREATE TABLE bank_reports (
    id              uuid         PRIMARY KEY,
    message_id      text         NOT NULL,
    kind            text         NOT NULL CONSTRAINT bank_report_kind_known
                    CHECK (kind IN ('pain.002', 'camt.053', 'camt.054')),
    statuses        integer      NOT NULL,
    contradictions  integer      NOT NULL,
    received_at     timestamptz  NOT NULL DEFAULT now(),
    received_by     text         NOT NULL,
    confirmed_by    text,
    -- From then on it counts; until then it waits for a colleague.
    applied_at      timestamptz,
    key_id          text         NOT NULL,
    encrypted       bytea        NOT NULL,
    CONSTRAINT bank_report_confirmed_by_another
        CHECK (confirmed_by IS NULL OR (confirmed_by <> received_by AND applied_at IS NOT NULL))
);
CREATE INDEX bank_reports_waiting ON bank_reports (received_at) WHERE applied_at IS NULL;
CREATE INDEX bank_reports_by_time ON bank_reports (received_at, id);
CREATE INDEX bank_reports_by_key ON bank_reports (key_id);
GRANT SELECT, INSERT ON bank_reports TO payout;
GRANT UPDATE (statuses, contradictions, confirmed_by, applied_at) ON bank_reports TO payout;
GRANT UPDATE (key_id, encrypted) ON bank_reports TO payout;
"""


def upgrade() -> None:
    if has_several_parts():
        # With one part they are in this schema already.
        for shared in (MAILBOXES, EVENT_ARCHIVE):
            run_sql(shared.format(role="payout"))
    run_sql(AUDIT.format(role="payout"))
    for own in (RATES, WEBHOOK_EVENTS, BANK_FILES, BANK_REPORTS):
        run_sql(own)
