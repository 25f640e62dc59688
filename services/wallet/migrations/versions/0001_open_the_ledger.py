"""
Open the ledger: accounts, what moved between them, and the lots every coin belongs to.

The CHECKs repeat rules that domain.py already enforces. That is the point: the domain explains
a refusal to a person, the constraint stops a bug.
"""

from shared.ledger.schema import LEDGER_RIGHTS_V1, LEDGER_V1
from shared.messaging.schema import MAILBOX_RIGHTS_V1, MAILBOXES_V1
from shared.postgres.migrate import run_sql

revision = "0001"
down_revision = None

LOTS = """
CREATE TABLE lots (
    user_id          text         NOT NULL,
    id               uuid         NOT NULL,
    purchase         uuid         NOT NULL,
    kind             text         NOT NULL
                     CONSTRAINT lot_kind_known CHECK (kind IN ('paid', 'bonus', 'promo')),
    coins            bigint       NOT NULL CONSTRAINT lot_has_coins CHECK (coins > 0),
    remaining        bigint       NOT NULL,
    held             bigint       NOT NULL DEFAULT 0,
    -- Indexed instead of `remaining`, so that spending from a lot updates it in place.
    open             boolean      NOT NULL,
    price_minor      bigint       NOT NULL CONSTRAINT lot_price_known CHECK (price_minor >= 0),
    currency         text         NOT NULL,
    channel          text         NOT NULL,
    country          text,
    diamond_rate_bp  integer      NOT NULL
                     CONSTRAINT lot_rate_known CHECK (diamond_rate_bp >= 0),
    funded_at        timestamptz  NOT NULL,
    expires_at       timestamptz,
    recorded_at      timestamptz  NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (user_id, id),
    CONSTRAINT one_lot_a_kind_and_purchase UNIQUE (user_id, purchase, kind),
    CONSTRAINT lot_remains CHECK (remaining BETWEEN 0 AND coins),
    CONSTRAINT lot_open_while_it_remains CHECK (open = (remaining > 0)),
    CONSTRAINT lot_holds_what_remains CHECK (held BETWEEN 0 AND remaining),
    -- Paid coins never expire: Apple's guideline 3.1.1, and what people expect.
    CONSTRAINT only_promo_expires CHECK (expires_at IS NULL OR kind = 'promo')
) WITH (fillfactor = 80);
CREATE INDEX lots_open ON lots (user_id) WHERE open;

CREATE TABLE slices (
    user_id   text    NOT NULL,
    gift      uuid    NOT NULL,
    lot       uuid    NOT NULL,
    coins     bigint  NOT NULL CONSTRAINT slice_has_coins CHECK (coins > 0),
    entry     bigint  NOT NULL,
    PRIMARY KEY (user_id, gift, lot)
);
CREATE INDEX slices_of_lot ON slices (user_id, lot);

GRANT SELECT, INSERT, UPDATE ON lots TO wallet;
GRANT SELECT, INSERT ON slices TO wallet;
"""


def upgrade() -> None:
    run_sql(MAILBOXES_V1)
    run_sql(MAILBOX_RIGHTS_V1.format(role="wallet"))
    run_sql(LEDGER_V1)
    run_sql(LEDGER_RIGHTS_V1.format(role="wallet"))
    run_sql(LOTS)
