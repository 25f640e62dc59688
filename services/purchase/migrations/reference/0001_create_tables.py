"""What is of no single viewer: campaigns, and what providers said before it is known of whom."""

from shared.ledger.schema import AUDIT
from shared.messaging.schema import MAILBOXES
from shared.postgres.migrate import has_several_parts, run_sql

revision = "0001"
down_revision = None

CAMPAIGNS = """
-- Promo codes; what open and paid purchases were promised never exceeds the budget.
CREATE TABLE campaigns (
    name            text         PRIMARY KEY,
    code            text         NOT NULL CONSTRAINT one_campaign_a_code UNIQUE,
    coins           bigint       NOT NULL CONSTRAINT campaign_gives_coins CHECK (coins > 0),
    coins_min       bigint       NOT NULL CONSTRAINT campaign_minimum_known CHECK (coins_min >= 0),
    budget_coins    bigint       NOT NULL,
    promised_coins  bigint       NOT NULL DEFAULT 0,
    coins_days      integer      NOT NULL CONSTRAINT campaign_coins_expire CHECK (coins_days > 0),
    valid_from      timestamptz  NOT NULL,
    valid_until     timestamptz  NOT NULL,
    countries       text[]       NOT NULL,
    CONSTRAINT campaign_keeps_its_budget CHECK (promised_coins BETWEEN 0 AND budget_coins)
);
GRANT SELECT, INSERT, UPDATE ON campaigns TO purchase;

-- What a budget has promised: taken before the purchase is recorded, given back if that was not, or
-- if it lapses. A check follows each until its purchase is paid; then it stays.
CREATE TABLE campaign_promises (
    id             uuid         PRIMARY KEY,
    campaign       text         NOT NULL REFERENCES campaigns,
    viewer         text         NOT NULL,
    purchase       uuid         NOT NULL,
    coins          bigint       NOT NULL CONSTRAINT promise_has_coins CHECK (coins > 0),
    promised_at    timestamptz  NOT NULL,
    next_check_at  timestamptz
);
CREATE INDEX campaign_promises_due ON campaign_promises (next_check_at)
    WHERE next_check_at IS NOT NULL;
CREATE INDEX campaign_promises_by_campaign ON campaign_promises (campaign);
GRANT SELECT, INSERT, UPDATE, DELETE ON campaign_promises TO purchase;
"""

PROVIDERS = """
CREATE TABLE webhook_events (
    provider       text         NOT NULL,
    webhook_id     text         NOT NULL,
    kind           text         NOT NULL,
    payload_hash   bytea        NOT NULL,
    payment        text,
    reference      text,
    viewer         text,
    purchase       uuid,
    received_at    timestamptz  NOT NULL,
    applied_at     timestamptz,
    next_check_at  timestamptz,
    checks         integer      NOT NULL DEFAULT 0,
    PRIMARY KEY (provider, webhook_id),
    CONSTRAINT webhook_event_matches_a_purchase CHECK ((viewer IS NULL) = (purchase IS NULL)),
    CONSTRAINT webhook_event_applied_is_done
        CHECK (applied_at IS NULL OR next_check_at IS NULL)
);
CREATE INDEX webhook_events_due ON webhook_events (next_check_at) WHERE next_check_at IS NOT NULL;
CREATE INDEX webhook_events_by_viewer ON webhook_events (viewer) WHERE viewer IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON webhook_events TO purchase;

-- Webhooks as they came: only what its provider signed, encrypted, and deleted when it is too old.
-- Random bytes do not get smaller: PostgreSQL need not try.
CREATE TABLE webhook_archive (
    provider     text         NOT NULL,
    webhook_id   text         NOT NULL,
    received_at  timestamptz  NOT NULL,
    -- Which key encrypted it; a job encrypts it again once there is a newer one.
    key_id       text         NOT NULL,
    encrypted    bytea        NOT NULL,
    -- An operator wants it to be read again; how often that was tried since then.
    replay_at    timestamptz,
    replays      integer      NOT NULL DEFAULT 0,
    PRIMARY KEY (provider, webhook_id)
);
ALTER TABLE webhook_archive ALTER COLUMN encrypted SET STORAGE EXTERNAL;
CREATE INDEX webhook_archive_by_time ON webhook_archive (received_at);
CREATE INDEX webhook_archive_by_key ON webhook_archive (key_id);
CREATE INDEX webhook_archive_to_replay ON webhook_archive (replay_at) WHERE replay_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_archive TO purchase;

-- Up to when the events that a provider lists are stored here. Not installed any more, it is null.
CREATE TABLE backfills (
    provider       text         PRIMARY KEY,
    covered_until  timestamptz  NOT NULL,
    next_check_at  timestamptz
);
CREATE INDEX backfills_due ON backfills (next_check_at) WHERE next_check_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON backfills TO purchase;

-- What else a provider calls a payment: its webhook event about a dispute says no more than that.
CREATE TABLE payment_names (
    provider  text  NOT NULL,
    name      text  NOT NULL,
    viewer    text  NOT NULL,
    purchase  uuid  NOT NULL,
    payment   text  NOT NULL,
    PRIMARY KEY (provider, name)
);
GRANT SELECT, INSERT ON payment_names TO purchase;
"""


def upgrade() -> None:
    if has_several_parts():
        # With one part its mailboxes are in this schema already.
        run_sql(MAILBOXES.format(role="purchase"))
    run_sql(AUDIT.format(role="purchase"))
    for own in (CAMPAIGNS, PROVIDERS):
        run_sql(own)
