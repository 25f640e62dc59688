"""Who is counted as one caller, and how much a caller and an address may have at a time."""

# What RFC 6750 calls a token, and how much of its end tells it from any other: the end of a
# signature is as good as all of it. Keys of one size, so that a full zone always has room for one
# more: nginx throws the oldest away, and that fits.
_TOKEN = "A-Za-z0-9._~+/-"  # noqa: S105 - what one is written with
KEY_LENGTH = 32
# Shorter ones are none of ours, and counted all the same.
_END = f"{{1,{KEY_LENGTH - 1}}}"
# The first of its name in an address. A service takes a token from there only if it is the only
# one, and written as it is.
_IN_ADDRESS = "(?:^|&)access_token="

CALLERS = rf"""map $http_authorization $ovation_header_key {{
    "~*^Bearer [{_TOKEN}]*(?<header_end>[{_TOKEN}]{{{KEY_LENGTH}}})=*$" $header_end;
    "~*^Bearer (?<header_whole>[{_TOKEN}]{_END})=*$" $header_whole;
    default "";
}}
map $args $ovation_address_key {{
    "~{_IN_ADDRESS}[{_TOKEN}]*(?<args_end>[{_TOKEN}]{{{KEY_LENGTH}}})(?:&|$)" $args_end;
    "~{_IN_ADDRESS}(?<args_whole>[{_TOKEN}]{_END})(?:&|$)" $args_whole;
    default "";
}}
map $ovation_header_key $ovation_caller {{
    ""      $ovation_address_key;
    default $ovation_header_key;
}}
# A caller with one IPv6 address has all of its network.
map $binary_remote_addr $ovation_address {{
    "~^(?<network>[\s\S]{{8}})[\s\S]{{8}}$" $network;
    default $binary_remote_addr;
}}
# One space, and nothing around the token: each caller has one spelling.
map $http_authorization $ovation_misspelt {{
    ""      "";
    "~*^Bearer [{_TOKEN}]+=*$" "";
    default 1;
}}"""

# What a caller is told whom the gateway refuses; a service that refuses says Retry-After itself.
LIMITS_HEADER = """\
map $upstream_http_retry_after:$status $ovation_limits_told {
    "~^:429$" $ovation_limits;
    default   "";
}
add_header RateLimit-Policy $ovation_limits_told always;"""

# At a time: feeds of one token, and requests of one address, which may be a whole campus.
FEEDS_MAX = 16
ADDRESS_REQUESTS_MAX = 1_000
# A location with a limit of its own inherits none.
FEED_LIMITS = (f"limit_conn feeds {FEEDS_MAX};", f"limit_conn requests {ADDRESS_REQUESTS_MAX};")
# Who neither says what they want nor takes what they are given makes room for others.
TIMEOUTS = (
    "client_header_timeout 10s;",
    "client_body_timeout 10s;",
    "send_timeout 20s;",
    "reset_timedout_connection on;",
)


def limits(token_burst: int, address_burst: int) -> list[str]:
    """Return how much a caller may ask of a server whose zones limits.conf declares."""
    return [
        f"limit_req zone=token burst={token_burst} nodelay;",
        f"limit_req zone=address burst={address_burst} nodelay;",
        "limit_req_status 429;",
        # Below what the error log takes: a request line may hold a token.
        "limit_req_log_level info;",
        f"limit_conn requests {ADDRESS_REQUESTS_MAX};",
        "limit_conn_status 429;",
        "limit_conn_log_level info;",
        "error_page 429 = @too_many;",
    ]
