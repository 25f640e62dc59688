"""The tables: grants, endpoints with their secrets, events, deliveries and attempts."""

from shared.backoffice.schema import ERASED_USERS
from shared.ledger.schema import AUDIT
from shared.messaging.schema import MAILBOXES
from shared.postgres.migrate import run_sql
from shared.quotas.schema import QUOTAS

revision = "0001"
down_revision = None

ENDPOINTS = """
-- Which events a team may have. An operator's command grants them; the service only reads.
CREATE TABLE grants (
    team        text         NOT NULL,
    event       text         NOT NULL,
    granted_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (team, event)
);
GRANT SELECT ON grants TO webhooks;

CREATE TABLE endpoints (
    id            uuid         PRIMARY KEY,
    team          text         NOT NULL,
    key           text         NOT NULL,
    request_hash  bytea        NOT NULL,
    url           text         NOT NULL CONSTRAINT endpoint_has_an_address CHECK (url <> ''),
    description   text         NOT NULL,
    events        text[]       NOT NULL
                  CONSTRAINT endpoint_has_events CHECK (cardinality(events) > 0),
    disabled      text         CONSTRAINT endpoint_disabled_known
                  CHECK (disabled IN ('caller', 'gone')),
    -- Failed attempts since the last successful one, and until when there is no other.
    failures      integer      NOT NULL DEFAULT 0
                  CONSTRAINT endpoint_failures_count CHECK (failures >= 0),
    paused_until  timestamptz,
    created_at    timestamptz  NOT NULL DEFAULT clock_timestamp(),
    changed_at    timestamptz  NOT NULL DEFAULT clock_timestamp(),
    -- A deleted endpoint stays for as long as its deliveries are kept.
    deleted_at    timestamptz,
    CONSTRAINT one_endpoint_a_key UNIQUE (team, key)
);
CREATE INDEX endpoints_of_team ON endpoints (team, created_at, id) WHERE deleted_at IS NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON endpoints TO webhooks;

-- What signs the deliveries of an endpoint, encrypted; without `ends_at` it is the one in use.
CREATE TABLE endpoint_secrets (
    endpoint    uuid         NOT NULL REFERENCES endpoints ON DELETE CASCADE,
    number      integer      NOT NULL,
    key         text         NOT NULL,
    request_hash  bytea      NOT NULL,
    key_id      text         NOT NULL,
    encrypted   bytea        NOT NULL,
    created_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    ends_at     timestamptz,
    PRIMARY KEY (endpoint, number),
    CONSTRAINT one_secret_a_key UNIQUE (endpoint, key)
);
CREATE UNIQUE INDEX one_secret_in_use ON endpoint_secrets (endpoint) WHERE ends_at IS NULL;
CREATE INDEX endpoint_secrets_by_key ON endpoint_secrets (key_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON endpoint_secrets TO webhooks;
"""

DELIVERIES = """
-- Events that at least one endpoint gets, as teams with a broker get them. Without a body: it was
-- kept for long enough, or it named a person who is erased.
CREATE TABLE events (
    id           uuid         PRIMARY KEY,
    name         text         NOT NULL,
    people       text[]       NOT NULL,
    body         text,
    occurred_at  timestamptz  NOT NULL,
    received_at  timestamptz  NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX events_by_person ON events USING gin (people) WHERE body IS NOT NULL;
CREATE INDEX events_by_time ON events (received_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON events TO webhooks;

-- One event for one endpoint. Those of one source and subject leave in the order of `sequence`,
-- which is the publisher's, and of `position`, in which they came.
CREATE TABLE deliveries (
    endpoint      uuid         NOT NULL REFERENCES endpoints,
    event         uuid         NOT NULL REFERENCES events,
    position      bigint       GENERATED ALWAYS AS IDENTITY,
    name          text         NOT NULL,
    source        text         NOT NULL,
    subject       text         NOT NULL,
    sequence      text         NOT NULL,
    state         text         NOT NULL DEFAULT 'pending' CONSTRAINT delivery_state_known
                  CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
    attempts      integer      NOT NULL DEFAULT 0
                  CONSTRAINT delivery_attempts_count CHECK (attempts >= 0),
    -- Those before the last replay, which the pauses between attempts do not count.
    attempts_before  integer   NOT NULL DEFAULT 0,
    -- When it is looked at next; while an attempt is made, when its lease ends.
    due_at        timestamptz,
    -- Waits for an earlier delivery of its subject, which makes it due when it ends.
    is_behind     boolean      NOT NULL DEFAULT false,
    lease         uuid,
    expires_at    timestamptz  NOT NULL,
    created_at    timestamptz  NOT NULL DEFAULT clock_timestamp(),
    finished_at   timestamptz,
    PRIMARY KEY (endpoint, event),
    CONSTRAINT delivery_is_due_or_finished CHECK (
        (state = 'pending') = (due_at IS NOT NULL) AND (state = 'pending') = (finished_at IS NULL)
    ),
    CONSTRAINT delivery_leased_while_pending CHECK (lease IS NULL OR state = 'pending')
);
CREATE INDEX deliveries_due ON deliveries (endpoint, due_at, position) WHERE state = 'pending';
CREATE INDEX deliveries_leased ON deliveries (endpoint, due_at) WHERE lease IS NOT NULL;
CREATE INDEX deliveries_in_order ON deliveries (endpoint, source, subject, sequence, position)
    WHERE state = 'pending';
CREATE INDEX deliveries_to_expire ON deliveries (expires_at) WHERE state = 'pending';
CREATE INDEX deliveries_listed ON deliveries (endpoint, position);
CREATE INDEX deliveries_of_event ON deliveries (event);
CREATE INDEX deliveries_failed ON deliveries (endpoint, position) WHERE state = 'failed';
GRANT SELECT, INSERT, UPDATE, DELETE ON deliveries TO webhooks;

-- What came of each request. An attempt without a row ended with its process.
CREATE TABLE attempts (
    endpoint      uuid         NOT NULL,
    event         uuid         NOT NULL,
    number        integer      NOT NULL,
    began_at      timestamptz  NOT NULL,
    milliseconds  integer      NOT NULL
                  CONSTRAINT attempt_took_time CHECK (milliseconds >= 0),
    status        integer,
    error         text,
    answer        text,
    PRIMARY KEY (endpoint, event, number),
    FOREIGN KEY (endpoint, event) REFERENCES deliveries ON DELETE CASCADE,
    CONSTRAINT attempt_has_a_result CHECK (num_nonnulls(status, error) = 1)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON attempts TO webhooks;

-- Replays that were asked for, so that a repeated request is not another one.
CREATE TABLE replays (
    endpoint      uuid         NOT NULL REFERENCES endpoints ON DELETE CASCADE,
    key           text         NOT NULL,
    request_hash  bytea        NOT NULL,
    deliveries    integer      NOT NULL,
    requested_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (endpoint, key)
);
GRANT SELECT, INSERT ON replays TO webhooks;
"""


def upgrade() -> None:
    for shared in (MAILBOXES, QUOTAS, AUDIT, ERASED_USERS):
        run_sql(shared.format(role="webhooks"))
    for own in (ENDPOINTS, DELIVERIES):
        run_sql(own)
