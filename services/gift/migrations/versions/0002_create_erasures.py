"""Requests of people to be erased, what the other services say of them, and what went."""

from shared.backoffice.schema import ERASED_USERS
from shared.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"

ERASURES = """
-- A person asks to be erased; the services with money say whether theirs is settled, and each
-- service says what it erased.
CREATE TABLE erasures (
    user_id       text         NOT NULL,
    id            uuid         NOT NULL,
    forfeit       boolean      NOT NULL,
    state         text         NOT NULL CONSTRAINT erasure_state_known
                  CHECK (state IN ('checking', 'refused', 'erased')),
    requested_at  timestamptz  NOT NULL,
    decided_at    timestamptz,
    PRIMARY KEY (user_id, id),
    CONSTRAINT erasure_decided_when_final CHECK ((decided_at IS NULL) = (state = 'checking'))
);
CREATE UNIQUE INDEX one_open_erasure ON erasures (user_id) WHERE state <> 'refused';
CREATE INDEX erasures_in_check ON erasures (requested_at) WHERE state = 'checking';
CREATE INDEX erasures_decided ON erasures (decided_at) WHERE state = 'erased';
GRANT SELECT, INSERT, UPDATE ON erasures TO gift;

CREATE TABLE erasure_answers (
    user_id    text         NOT NULL,
    erasure    uuid         NOT NULL,
    service    text         NOT NULL,
    -- What has to end first; empty if nothing does.
    obstacles  text[],
    -- How many rows of each kind were erased; null until they are.
    erased     jsonb,
    PRIMARY KEY (user_id, erasure, service),
    CONSTRAINT erasure_answer_is_not_empty CHECK (num_nonnulls(obstacles, erased) > 0),
    FOREIGN KEY (user_id, erasure) REFERENCES erasures
);
GRANT SELECT, INSERT, UPDATE ON erasure_answers TO gift;

-- Where the words of an erased viewer are.
GRANT DELETE ON messages TO gift;
GRANT UPDATE (event) ON event_archive TO gift;
"""


def upgrade() -> None:
    run_sql(ERASED_USERS.format(role="gift"))
    run_sql(ERASURES)
