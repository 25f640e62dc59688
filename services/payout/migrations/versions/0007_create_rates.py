"""
What creators get: announced rates, plans of creators, splits of their gifts, and bonuses.

What was announced or set is history: the runtime role adds to it and changes nothing.
"""

from shared.postgres.migrate import run_sql

revision = "0007"
down_revision = "0006"

TERMS = """
CREATE TABLE rate_assignments (
    creator         text         NOT NULL,
    effective_from  timestamptz  NOT NULL,
    plan            text         NOT NULL,
    assigned_at     timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (creator, effective_from),
    CONSTRAINT assigned_before_it_counts CHECK (effective_from >= assigned_at)
);
GRANT SELECT, INSERT ON rate_assignments TO payout;

-- The creator comes after the parties and has the rest.
CREATE TABLE splits (
    creator         text         NOT NULL,
    effective_from  timestamptz  NOT NULL,
    parties         text[]       NOT NULL,
    shares_bp       integer[]    NOT NULL,
    recorded_at     timestamptz  NOT NULL DEFAULT now(),
    PRIMARY KEY (creator, effective_from),
    CONSTRAINT split_set_before_it_counts CHECK (effective_from > recorded_at),
    CONSTRAINT split_has_a_share_each CHECK (
        cardinality(parties) = cardinality(shares_bp) AND 0 < ALL (shares_bp)
    ),
    CONSTRAINT split_without_the_creator CHECK (creator <> ALL (parties))
);
GRANT SELECT, INSERT ON splits TO payout;

CREATE TABLE bonuses (
    creator       text         NOT NULL,
    id            uuid         NOT NULL,
    request_hash  bytea        NOT NULL,
    funder        text         NOT NULL,
    diamonds      bigint       NOT NULL CONSTRAINT bonus_of_diamonds CHECK (diamonds > 0),
    reason        text         NOT NULL,
    state         text         NOT NULL DEFAULT 'requested'
                  CONSTRAINT bonus_state_known
                  CHECK (state IN ('requested', 'granted', 'rejected')),
    requested_by  text         NOT NULL,
    requested_at  timestamptz  NOT NULL DEFAULT now(),
    decided_by    text,
    decided_at    timestamptz,
    -- Of a granted one, as earnings have it.
    matures_at    timestamptz,
    hold_reason   text,
    matured       boolean      NOT NULL DEFAULT false,
    PRIMARY KEY (creator, id),
    CONSTRAINT bonus_decided_by_operator CHECK ((state = 'requested') = (decided_by IS NULL)),
    CONSTRAINT bonus_granted_matures CHECK (
        (state = 'granted') = (matures_at IS NOT NULL)
        AND (state = 'granted') = (hold_reason IS NOT NULL) AND (state = 'granted' OR NOT matured)
    ),
    CONSTRAINT bonus_granted_by_other_people CHECK (
        state = 'rejected' OR (
            lower(btrim(creator)) <> lower(btrim(requested_by))
            AND (decided_by IS NULL OR (
                lower(btrim(creator)) <> lower(btrim(decided_by))
                AND lower(btrim(requested_by)) <> lower(btrim(decided_by))
            ))
        )
    )
);
CREATE INDEX bonuses_to_mature ON bonuses (matures_at) WHERE state = 'granted' AND NOT matured;
CREATE INDEX bonuses_in_order ON bonuses (creator, requested_at, id);
CREATE INDEX bonuses_to_decide ON bonuses (requested_at) WHERE state = 'requested';
GRANT SELECT, INSERT ON bonuses TO payout;
GRANT UPDATE (state, decided_by, decided_at, matures_at, hold_reason, matured) ON bonuses
    TO payout;
"""


def upgrade() -> None:
    run_sql(TERMS)
