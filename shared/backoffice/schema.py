"""The tables of erasures, with the rights on them; a service's migrations create them."""

ERASED_USERS = """
-- People who are erased. What arrives late of them is erased again, until no old message can come.
CREATE TABLE erased_users (
    user_id    text         NOT NULL,
    erasure    uuid         NOT NULL,
    erased_at  timestamptz  NOT NULL,
    repeat_at  timestamptz,
    PRIMARY KEY (user_id, erasure)
);
CREATE INDEX erased_users_due ON erased_users (repeat_at) WHERE repeat_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON erased_users TO {role};

CREATE TABLE erased_kinds (
    user_id  text    NOT NULL,
    erasure  uuid    NOT NULL,
    kind     text    NOT NULL,
    count    bigint  NOT NULL CONSTRAINT erased_rows_counted CHECK (count >= 0),
    PRIMARY KEY (user_id, erasure, kind)
);
GRANT SELECT, INSERT, UPDATE ON erased_kinds TO {role};
"""
