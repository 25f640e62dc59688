"""What providers said of purchases and were asked: answers, evidence, app stores."""

from shared.postgres.migrate import run_sql

revision = "0002"
down_revision = "0001"

PROVIDERS = """
-- The newest answer that was applied: one that may be older changes nothing.
CREATE TABLE provider_answers (
    viewer            text         NOT NULL,
    purchase          uuid         NOT NULL,
    payment           text         NOT NULL,
    sequence          bigint,
    asked_at          timestamptz,
    answered_at       timestamptz,
    -- The provider did something for us then: an answer to an earlier poll may not know of it.
    ignored_before    timestamptz,
    fee_minor         bigint       CONSTRAINT answer_fee_known CHECK (fee_minor >= 0),
    given_back_minor  bigint       NOT NULL CONSTRAINT answer_given_back_known
                      CHECK (given_back_minor >= 0),
    entries           integer      NOT NULL CONSTRAINT answer_entries_count CHECK (entries >= 0),
    -- What the provider has added to our balance for it, in each currency it pays out, and how much
    -- of the payment's own money was exchanged for that.
    settlements       jsonb        NOT NULL DEFAULT '[]'
                      CONSTRAINT answer_settlements_listed
                      CHECK (jsonb_typeof(settlements) = 'array'),
    exchanged_minor   bigint       NOT NULL DEFAULT 0,
    -- How much of what went back without us is tax, which is not owed any more.
    given_back_tax_minor   bigint  NOT NULL DEFAULT 0 CONSTRAINT answer_tax_is_part_of_it
                           CHECK (given_back_tax_minor BETWEEN 0 AND given_back_minor),
    PRIMARY KEY (viewer, purchase, payment),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
GRANT SELECT, INSERT, UPDATE ON provider_answers TO purchase;

-- In which country the buyer of a paid purchase is, by each kind of evidence. A kind that says
-- another country later has two rows: what was said first is not forgotten.
CREATE TABLE country_evidence (
    viewer       text         NOT NULL,
    purchase     uuid         NOT NULL,
    kind         text         NOT NULL CONSTRAINT evidence_kind_known
                 CHECK (kind IN ('host', 'instrument', 'ip_address')),
    country      text         NOT NULL CONSTRAINT evidence_country_is_a_code
                 CHECK (country ~ '^[A-Z]{2}$'),
    recorded_at  timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (viewer, purchase, kind, country),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
GRANT SELECT, INSERT ON country_evidence TO purchase;
"""

STORES = """
-- Purchases whose coins are in the wallet and which the store has yet to be asked to accept: Google
-- refunds after three days what was not accepted. Repeated until the store has accepted, or says
-- that the payment was refunded meanwhile.
CREATE TABLE acceptances (
    viewer         text         NOT NULL,
    purchase       uuid         NOT NULL,
    paid_at        timestamptz  NOT NULL,
    next_check_at  timestamptz,
    checks         integer      NOT NULL DEFAULT 0,
    accepted_at    timestamptz,
    rejected       text,
    PRIMARY KEY (viewer, purchase),
    CONSTRAINT acceptance_has_one_end
        CHECK (num_nonnulls(next_check_at, accepted_at, rejected) = 1),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
CREATE INDEX acceptances_due ON acceptances (next_check_at) WHERE next_check_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON acceptances TO purchase;

-- Answered once the wallet has said how many coins are used, and for a day: then the store decides
-- without us.
CREATE TABLE store_questions (
    viewer         text         NOT NULL,
    purchase       uuid         NOT NULL,
    id             uuid         NOT NULL,
    question       text         NOT NULL,
    asked_at       timestamptz  NOT NULL,
    coins          bigint       CONSTRAINT question_coins_known CHECK (coins > 0),
    used_coins     bigint,
    next_check_at  timestamptz,
    checks         integer      NOT NULL DEFAULT 0,
    answered_at    timestamptz,
    rejected       text,
    PRIMARY KEY (viewer, purchase, id),
    CONSTRAINT question_has_a_share CHECK (
        (coins IS NULL) = (used_coins IS NULL) AND (coins IS NULL OR used_coins BETWEEN 0 AND coins)
    ),
    CONSTRAINT question_answered_with_a_share CHECK (
        num_nonnulls(next_check_at, answered_at, rejected) = (coins IS NOT NULL)::integer
    ),
    FOREIGN KEY (viewer, purchase) REFERENCES purchases
);
CREATE INDEX store_questions_by_id ON store_questions (id);
CREATE INDEX store_questions_due ON store_questions (next_check_at) WHERE next_check_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON store_questions TO purchase;
"""


def upgrade() -> None:
    for own in (PROVIDERS, STORES):
        run_sql(own)
