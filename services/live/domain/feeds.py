"""How many feeds one person may follow."""

from shared.errors import Kind, Refusal

# Of one instance: tabs, an overlay or two, and what a broken line has not let go of yet.
FEEDS_MAX = 16


class TooManyFeeds(Refusal):
    """You follow as many feeds as one person can; end one first."""

    kind = Kind.LIMITED
