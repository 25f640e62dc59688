"""The tables of messaging and the rights on them; a service's migrations create them."""

MAILBOXES = """
CREATE TABLE outbox (
    id           bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    share        smallint     NOT NULL CONSTRAINT outbox_share_known CHECK (share BETWEEN 0 AND 15),
    key          text         NOT NULL,
    message_id   uuid         NOT NULL,
    exchange     text         NOT NULL,
    routing_key  text         NOT NULL,
    headers      json,  -- NULL: those of an event, which follow from its body
    body         bytea        NOT NULL,
    created_at   timestamptz  NOT NULL DEFAULT now(),
    attempts     integer      NOT NULL DEFAULT 0
) WITH (
    -- The table is a queue: all its rows die young, so it is vacuumed early and often.
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_limit = 2000
);
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO {role};

-- A key whose next message the broker would not route: later messages of it wait behind it.
CREATE TABLE outbox_blocked (
    share       smallint     NOT NULL,
    key         text         NOT NULL,
    message_id  uuid         NOT NULL,
    reason      text         NOT NULL,
    blocked_at  timestamptz  NOT NULL DEFAULT now(),
    retry_at    timestamptz,  -- NULL: parked until an operator unparks it
    PRIMARY KEY (share, key)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_blocked TO {role};

-- Ids of handled messages, so that a redelivery changes nothing.
CREATE TABLE inbox (
    queue        text         NOT NULL,
    message_id   uuid         NOT NULL,
    received_at  timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (queue, message_id)
);
-- Old ids are deleted by it. Their room is used again, so no block of pages stays of one time: a
-- BRIN index would soon find old ids in all of them.
CREATE INDEX inbox_received_at ON inbox (received_at);
GRANT SELECT, INSERT, DELETE ON inbox TO {role};

-- Dead letters that operators redrove by the API: each is sent once, however often it is asked for.
CREATE TABLE redrives (
    dead_letter      uuid         PRIMARY KEY,
    operator         text         NOT NULL,
    idempotency_key  text         NOT NULL,
    request_hash     bytea        NOT NULL,
    queue            text         NOT NULL,
    message          text         NOT NULL,
    reason           text         NOT NULL CONSTRAINT redrive_has_a_reason CHECK (reason <> ''),
    redriven_at      timestamptz  NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT one_redrive_a_key UNIQUE (operator, idempotency_key)
);
GRANT SELECT, INSERT ON redrives TO {role};
"""

EVENT_ARCHIVE = """
-- Events that no other row keeps, as they were published: later steps overwrite the row they are
-- about. History is written once.
CREATE TABLE event_archive (
    key             text         NOT NULL,
    id              uuid         NOT NULL,
    type            text         NOT NULL,
    sequence        bigint       NOT NULL,
    correlation_id  text         NOT NULL,
    causation_id    text,
    event           jsonb        NOT NULL,
    occurred_at     timestamptz  NOT NULL,
    PRIMARY KEY (key, id)
);
CREATE INDEX event_archive_by_time ON event_archive USING brin (occurred_at);
GRANT SELECT, INSERT ON event_archive TO {role};
"""
