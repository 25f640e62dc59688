"""What providers and other services say that cannot be."""

from enum import StrEnum


class Contradiction(StrEnum):
    """What the provider says and our state cannot take: a person has to look."""

    DISPUTE_CURRENCY = "dispute-currency"  # a dispute is in another currency than its payment
    DISPUTE_STATES = "dispute-states"  # one answer says of one dispute what cannot both be
    PAYMENT_STATUS = "payment-status"  # money that came is said not to have come
    PAYMENT_CHANGED = "payment-changed"  # money that came is said to be another amount or currency
    PAYMENT_VANISHED = "payment-vanished"  # a payment we know is said not to exist
    PAYMENT_FOREIGN = "payment-foreign"  # a payment is said to be of another purchase
    PAYMENT_WAITS = "payment-waits"  # a payment waits at the provider until the operator acts
    PAYMENT_UNCREDITED = "payment-uncredited"  # money came that bought nothing
    REFUND_AMOUNT = "refund-amount"  # our refund is said to be of another amount
    REFUND_CONTRADICTED = "refund-contradicted"  # money went back for a refund that was declined
    REFUND_UNRESOLVED = "refund-unresolved"  # it is unknown whether the money went back
    WEBHOOK_MODE = "webhook-mode"  # practice money is told of where real money is taken, or so
    WEBHOOK_RELEASE = "webhook-release"  # an event is of another release of the provider's API
    COINS_UNKNOWN = "coins-unknown"  # the wallet held more coins than were sold
