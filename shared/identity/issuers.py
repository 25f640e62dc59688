"""
The identity providers an installation believes, and whose users are whose.

The first issuer's subjects are user ids as they are. Each further issuer has a prefix for its own:
one subject at two providers is two people, and would be one wallet otherwise.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.identity.claims import DEFAULT_NAMES, BadClaim, ClaimNames, read_subject
from shared.identity.people import folded

# It ends at its only colon, so that no prefix begins another one.
_PREFIX = re.compile(r"[a-z0-9][a-z0-9._-]{0,30}:")


@dataclass(frozen=True, slots=True)
class Issuer:
    """
    One identity provider: what its tokens name, and where its keys are.

    `name` is their `iss`. `clients`, if any, are the applications whose tokens are taken; with
    `audience_optional` a token of theirs need not name its audience. User ids are `subject_prefix`
    and the subject.
    """

    name: str
    audience: str
    jwks_url: str | None
    clients: frozenset[str] = frozenset()
    audience_optional: bool = False
    names: ClaimNames = DEFAULT_NAMES
    subject_prefix: str = ""

    def __post_init__(self) -> None:
        assert self.clients or not self.audience_optional, "whose tokens, if not by their audience?"

    def user_of(self, subject: object, *, reserved: Collection[str] = ()) -> str:
        """
        Return the user id of a subject of this issuer.

        A subject of the first issuer that reads like a user id of another (`reserved` are their
        prefixes), in any spelling, is refused: it would be that person.
        """
        user = read_subject(f"{self.subject_prefix}{read_subject(subject)}")
        if any(folded(user).startswith(prefix) for prefix in reserved):
            raise BadClaim("reserved-subject")
        return user


def require_distinct(issuers: Sequence[Issuer]) -> None:
    """Raise ValueError if tokens or users of two issuers could be taken for each other."""
    for one, other in pairwise(sorted(issuer.name for issuer in issuers)):
        if one == other:
            raise ValueError(f"the issuer {one} is named twice")
    prefixes = [issuer.subject_prefix for issuer in issuers[1:]]
    for prefix in prefixes:
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(
                f"{prefix!r} is no subject_prefix. Each issuer after the first needs one of its"
                " own, such as staff: (small letters, digits, '.', '_' and '-', then a colon)."
            )
    if len(set(prefixes)) != len(prefixes):
        raise ValueError(f"two issuers have one subject_prefix: {', '.join(prefixes)}")
