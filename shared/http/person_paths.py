"""
People in paths: any user id can be one part of a path.

Most ids stand there as they are, percent-encoded. Proxies and clients read a slash, a backslash
and dots alone as parts of a path however they are encoded, so an id may also be written `~` and
its UTF-8 in base64url without padding. An id that begins with `~` is always written so.
"""

import base64
import binascii

from starlette.convertors import StringConvertor, register_url_convertor

from shared.identity.claims import can_be_person, is_addressable

ENCODED = "~"
CONVERTOR = "person"
# No user id is empty, so a route refuses it.
NO_PERSON = ""


def person_part(user: str) -> str:
    """Return a user id as one part of a path, not yet percent-encoded."""
    if is_addressable(user) and not user.startswith(ENCODED):
        return user
    return ENCODED + base64.urlsafe_b64encode(user.encode()).decode().rstrip("=")


def person_in(part: str) -> str:
    """Return whom a part of a path names; `NO_PERSON` if it is encoded, and not as one would."""
    if not part.startswith(ENCODED):
        return part
    written = part.removeprefix(ENCODED)
    try:
        user = base64.b64decode(written + "=" * (-len(written) % 4), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return NO_PERSON
    # One spelling a user; and no spelling stands for the caller.
    is_canonical = base64.urlsafe_b64encode(user.encode()).decode().rstrip("=") == written
    return user if is_canonical and can_be_person(user) else NO_PERSON


class _Person(StringConvertor):
    """Reads `{user:person}`, so that everything behind the route sees the user id alone."""

    def convert(self, value: str) -> str:
        return person_in(value)


register_url_convertor(CONVERTOR, _Person())
