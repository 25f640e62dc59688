"""The table of quotas, with the rights on it; a service's migrations create it."""

QUOTAS = """
-- How often a user did something in the time that began then: one row a user and act.
CREATE TABLE quotas (
    user_id   text         NOT NULL,
    act       text         NOT NULL,
    began_at  timestamptz  NOT NULL,
    used      bigint       NOT NULL CONSTRAINT quota_is_counted CHECK (used > 0),
    PRIMARY KEY (user_id, act)
);
CREATE INDEX quotas_by_beginning ON quotas (began_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON quotas TO {role};
"""
