"""
What an address of a database says: one host, or several of which one is the primary.

`postgresql://wallet@db-1:5432,db-2:5433/wallet` names two hosts as libpq writes them, and so does
`postgresql://wallet@/wallet?host=db-1:5432,db-2:5433`.
"""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS
SESSION_ATTRIBUTES = "target_session_attrs"
# Not "read-write": the auditor's sessions are read-only wherever they are.
PRIMARY = "primary"


class InvalidAddress(ValueError):
    """An address that a driver would understand otherwise than it was meant."""


def host_addresses(address: str) -> list[str]:
    """
    Return an address for each host that is named, in their order.

    Of several hosts the primary is wanted, unless the address says otherwise
    (`target_session_attrs`). Raises InvalidAddress.
    """
    parts = urlsplit(address)
    options = _options(parts.query)
    user, at, named = parts.netloc.rpartition("@")
    listed = options.pop("host", "")
    if named and listed:
        raise InvalidAddress(f"{named} and host={listed} both name hosts. Keep one of them.")
    if "," in options.get("port", ""):
        raise InvalidAddress("port has several ports. Write each beside its host: db-1:5432,db-2.")
    hosts = (named or listed).split(",")
    if not all(hosts[1:]):
        raise InvalidAddress(f"{named or listed} names an empty host.")
    if len(hosts) > 1:
        options.setdefault(SESSION_ATTRIBUTES, PRIMARY)

    def at_host(host: str) -> str:
        own = options if named or not host else {"host": host, **options}
        query = urlencode(own, safe="/:[]", quote_via=quote)
        return parts._replace(netloc=f"{user}{at}{host if named else ''}", query=query).geturl()

    return [at_host(host) for host in hosts]


def with_database(address: str, name: str) -> str:
    """Return the address of another database of the same servers."""
    return urlsplit(address)._replace(path=f"/{quote(name, safe='')}").geturl()


def _options(query: str) -> dict[str, str]:
    """Return the options of an address; of one that is repeated, drivers use the last alone."""
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in options:
            raise InvalidAddress(
                f"{name} is named twice, and only the last one would be used."
                f" Write several hosts as host=db-1:5432,db-2:5432."
            )
        options[name] = value
    return options
