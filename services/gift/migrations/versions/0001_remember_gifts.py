"""
Remember gifts, each its own idempotency record, for ever.

A gift's row is final once it is sent or refused: `decided_when_final` stops a bug that would
settle it without an outcome.
"""

from shared.messaging.schema import MAILBOX_RIGHTS_V1, MAILBOXES_V1
from shared.postgres.migrate import run_sql

revision = "0001"
down_revision = None

GIFTS = """
CREATE TABLE gifts (
    viewer           text         NOT NULL,
    id               uuid         NOT NULL,
    idempotency_key  text         NOT NULL,
    request_hash     bytea        NOT NULL,
    gift_type        text         NOT NULL,
    price_coins      bigint       NOT NULL CONSTRAINT gift_has_a_price CHECK (price_coins > 0),
    count            integer      NOT NULL CONSTRAINT gift_is_counted CHECK (count > 0),
    coins            bigint       NOT NULL,
    creator          text         NOT NULL,
    room             text,
    message          text,
    anonymous        boolean      NOT NULL,
    state            text         NOT NULL DEFAULT 'requested'
                     CONSTRAINT gift_state_known
                     CHECK (state IN ('requested', 'sent', 'refused')),
    attempt          integer      NOT NULL DEFAULT 1,
    last_requested_at         timestamptz  NOT NULL,
    requested_at     timestamptz  NOT NULL,
    expires_at       timestamptz  NOT NULL,
    decided_at       timestamptz,
    correlation_id   text         NOT NULL,
    slices           jsonb,
    refusal          jsonb,
    PRIMARY KEY (viewer, id),
    CONSTRAINT one_gift_a_key UNIQUE (viewer, idempotency_key),
    CONSTRAINT gift_costs_price_times_count CHECK (coins = price_coins * count),
    CONSTRAINT viewer_is_not_creator CHECK (viewer <> creator),
    CONSTRAINT decided_when_final CHECK ((decided_at IS NULL) = (state = 'requested')),
    CONSTRAINT sent_with_slices CHECK ((slices IS NULL) = (state <> 'sent')),
    CONSTRAINT refused_with_reason CHECK ((refusal IS NULL) = (state <> 'refused'))
) WITH (fillfactor = 70);
CREATE INDEX gifts_open ON gifts (last_requested_at) WHERE state = 'requested';
CREATE INDEX gifts_by_time ON gifts (viewer, requested_at, id);

GRANT SELECT, INSERT, UPDATE ON gifts TO gift;
"""


def upgrade() -> None:
    run_sql(MAILBOXES_V1)
    run_sql(MAILBOX_RIGHTS_V1.format(role="gift"))
    run_sql(GIFTS)
