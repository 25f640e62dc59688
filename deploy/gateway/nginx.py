"""The gateway's configuration: one generator for Docker Compose and for one machine."""

import json
from collections.abc import Mapping

# The longest body any service takes.
BODY_KILOBYTES_MAX = 64
# Kept below the five seconds after which uvicorn closes an idle connection: a request sent into
# a closing connection is lost.
KEEPALIVE_SECONDS = 4
KEEPALIVE_CONNECTIONS = 64
WORKER_CONNECTIONS = 4096
# How often a name is looked up again: an instance that came is used, one that went forgotten.
RESOLVE_SECONDS = 1

FEED = "^/v1/rooms/[^/]+/events$"
# First match wins. What no line names belongs to web.
ROUTES: tuple[tuple[str, str], ...] = (
    ("^/v1/(packages|purchases)(/|$)", "purchase"),
    ("^/v1/webhooks/[^/]+/payments$", "purchase"),
    ("^/v1/wallets(/|$)", "wallet"),
    ("^/v1/(gifts|catalogue)(/|$)", "gift"),
    ("^/v1/callbacks/tencent$", "gift"),
    ("^/v1/(payouts|earnings)(/|$)", "payout"),
    ("^/v1/webhooks/[^/]+/transfers$", "payout"),
    (FEED, "live"),
    ("^/v1/(rooms|creators|gifters|entitlements)(/|$)", "live"),
    ("^/v1/operator/purchases?(/|$)", "purchase"),
    ("^/v1/operator/wallets?(/|$)", "wallet"),
    ("^/v1/operator/gifts?(/|$)", "gift"),
    ("^/v1/operator/payouts?(/|$)", "payout"),
    ("^/v1/operator/live(/|$)", "live"),
)
# For practice only: they live behind a prefix that they do not know. A gateway that is not told of
# them has no such routes.
STRIPPED = ("sandbox", "issuer")
UPSTREAMS = ("purchase", "wallet", "gift", "payout", "live", "web")
PRACTICE_FILES = "/etc/nginx/practice/*.conf"

REQUEST_ID = """\
map $http_x_request_id $ovation_request_id {
    ""      $request_id;
    default $http_x_request_id;
}"""
FORWARDED = """\
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Request-Id $ovation_request_id;
proxy_connect_timeout 2s;
proxy_read_timeout 30s;"""

# An instance that stops or does not answer costs its callers nothing where there is another one:
# each is tried once. While all of a service are replaced, half of those we know are gone.
# A POST is sent again too: what moves value carries an Idempotency-Key, a webhook the id of its
# event, and the rest only sets what is already set. Not after RETRY_SECONDS_MAX: then whoever
# asked is told, and decides.
RETRY_SECONDS_MAX = 10
RETRIED = f"""\
proxy_next_upstream error timeout http_502 http_503 non_idempotent;
proxy_next_upstream_timeout {RETRY_SECONDS_MAX}s;"""
# A page says itself what it may do. Whatever says nothing is no page, and may do nothing.
HEADERS = """\
map $upstream_http_content_security_policy $ovation_policy {
    ""      "default-src 'none'; frame-ancestors 'none'";
    default "";
}
map $upstream_http_referrer_policy $ovation_referrer {
    ""      "no-referrer";
    default "";
}
map $upstream_http_x_content_type_options $ovation_sniff {
    ""      "nosniff";
    default "";
}
map $http_x_forwarded_proto $ovation_transport {
    https   "max-age=31536000; includeSubDomains";
    default "";
}
add_header Content-Security-Policy $ovation_policy always;
add_header Referrer-Policy $ovation_referrer always;
add_header X-Content-Type-Options $ovation_sniff always;
add_header X-Frame-Options DENY always;
add_header Strict-Transport-Security $ovation_transport always;
add_header Retry-After $ovation_retry_after always;
# Ours to say only where no service answered: one that did has said it.
map $upstream_http_retry_after:$status $ovation_retry_after {
    "~^:(429|503)$" 1;
    default         "";
}"""
# Not a name beginning with @, as the others have: nginx goes to none before it has an address.
MALFORMED = "/.malformed-request"
TOKEN_BURST, ADDRESS_BURST = 200, 2_000
ACCESS_LOG = """\
log_format ovation escape=json
    '{"event":"request.forwarded","timestamp":"$time_iso8601","method":"$request_method",'
    '"path":"$uri","status":$status,"seconds":$request_time,"upstream":"$upstream_addr",'
    '"upstream_status":"$upstream_status","request_id":"$ovation_request_id"}';
access_log /dev/stdout ovation;"""


def render(
    upstreams: Mapping[str, str],
    *,
    listen: str,
    resolver: str | None,
    openapi_file: str = "/etc/nginx/openapi.json",
    contracts_folder: str = "/etc/nginx/contracts",
    limits_file: str | None = None,
) -> str:
    """
    Return what belongs into nginx's `http` block.

    `upstreams` are `host:port` by service; without a resolver several instances may be named,
    separated by spaces.

    With a resolver, names are looked up when they are needed, so that a service that is not
    there does not keep the gateway from starting; without one, addresses are fixed and
    connections to them are kept open. `limits_file` says how much a caller may ask for.
    """
    blocks = [
        "# Written by deploy/gateway/nginx.py: run `make contracts`, do not edit.",
        REQUEST_ID,
        HEADERS,
        "proxy_headers_hash_bucket_size 128;",
    ]
    if limits_file is not None:
        blocks.append(f"include {limits_file};")
    if resolver is None:
        blocks += [_upstream(name, address) for name, address in upstreams.items()]
    prefix = "" if resolver is None else "$to_"
    targets = {name: f"http://{prefix}{name}" for name in upstreams}
    locations = [
        _hidden(),
        *(_route(pattern, name, targets) for pattern, name in ROUTES),
        *(_stripped(name, targets[name]) for name in STRIPPED if name in targets),
        *_no_practice(resolver),
        _location("= /openapi.json", "default_type application/json;", f"alias {openapi_file};"),
        *_contracts(contracts_folder),
        _location("/", _pass("web", targets)),
        *_problems(),
    ]
    settings = [
        f"listen {listen};",
        # A token of 8 kB, the longest a service looks at, may stand in a header or, for a feed, in
        # the address.
        "large_client_header_buffers 4 16k;",
        f"client_max_body_size {BODY_KILOBYTES_MAX}k;",
        f"error_page 400 414 494 = {MALFORMED};",
        "error_page 405 = @method_not_allowed;",
        "error_page 413 = @body_too_large;",
        "error_page 502 503 504 = @unavailable;",
        *(_limits() if limits_file is not None else ()),
        *_resolution(upstreams, resolver),
        FORWARDED,
    ]
    body = "\n\n".join(["\n".join(settings), *locations])
    blocks.append("server {\n" + _indented(body) + "\n}")
    return "\n\n".join(blocks) + "\n"


def render_whole(http: str) -> str:
    """Return a complete nginx.conf for a private nginx that keeps everything in its prefix."""
    return _whole(http, "daemon off;\npid nginx.pid;", ("access_log off;",), folder="temp")


def render_container(http: str) -> str:
    """Return a complete nginx.conf for a container without rights, where only /tmp is written."""
    return _whole(http, "pid /tmp/nginx.pid;", (ACCESS_LOG,), folder="/tmp")  # noqa: S108 - its own


def _whole(http: str, process: str, settings: tuple[str, ...], *, folder: str) -> str:
    places = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    common = [
        *settings,
        "server_tokens off;",
        "tcp_nodelay on;",
        "keepalive_requests 100000;",
        *(f"{place}_temp_path {folder}/{place};" for place in places),
    ]
    return (
        f"{process}\n"
        "worker_processes auto;\n"
        "worker_shutdown_timeout 25s;\n"
        "error_log stderr warn;\n"
        f"events {{\n    worker_connections {WORKER_CONNECTIONS};\n}}\n"
        "http {\n" + _indented("\n".join(common) + "\n\n" + http.rstrip()) + "\n}\n"
    )


def _upstream(name: str, addresses: str) -> str:
    servers = "".join(f"    server {address};\n" for address in addresses.split())
    return (
        f"upstream {name} {{\n{servers}    keepalive {KEEPALIVE_CONNECTIONS};\n"
        f"    keepalive_timeout {KEEPALIVE_SECONDS}s;\n    keepalive_requests 100000;\n}}"
    )


def _resolution(upstreams: Mapping[str, str], resolver: str | None) -> list[str]:
    if resolver is None:
        return []
    names = [f"set $to_{name} {address};" for name, address in upstreams.items()]
    return [f"resolver {resolver} valid={RESOLVE_SECONDS}s;", *names]


def _route(pattern: str, name: str, targets: Mapping[str, str]) -> str:
    lines = [_pass(name, targets), *RETRIED.split("\n")] if name in targets else ["return 503;"]
    if pattern == FEED:
        # Server-sent events: each goes on at once, and a quiet room is not a broken one. Browsers'
        # own EventSource sends its token in the address, which no log is to hold.
        lines += ["proxy_buffering off;", "proxy_read_timeout 1h;", "error_log stderr crit;"]
    return _location(f"~ {pattern}", *lines)


def render_practice(upstreams: Mapping[str, str]) -> str:
    """Return what an installation for practice adds to the `server` block of a container."""
    names = [f"set $to_{name} {upstreams[name]};" for name in STRIPPED]
    locations = [_stripped(name, f"http://$to_{name}") for name in STRIPPED]
    written_by = "# Written by deploy/gateway/nginx.py: run `make contracts`, do not edit."
    return "\n\n".join([written_by, "\n".join(names), *locations]) + "\n"


def _stripped(name: str, target: str) -> str:
    rewrite = f"rewrite ^/{name}(/.*)$ $1 break;"
    return _location(f"~ ^/{name}/", rewrite, f"proxy_pass {target};")


def _no_practice(resolver: str | None) -> list[str]:
    """Take in the routes for practice, if there are any; else there are none, also not at web."""
    stripped = "|".join(STRIPPED)
    nothing = _location(f"~ ^/({stripped})(/|$)", *_problem(404, "no-such-route", "Not Found"))
    return [nothing] if resolver is None else [f"include {PRACTICE_FILES};", nothing]


def _pass(name: str, targets: Mapping[str, str]) -> str:
    return f"proxy_pass {targets[name]};" if name in targets else "return 503;"


def _hidden() -> str:
    """What operators and probes ask a service directly is nobody else's business."""
    stripped = "|".join(STRIPPED)
    return _location(
        f"~ ^(/({stripped}))?/(metrics|livez|readyz)(/|$)",
        *_problem(404, "no-such-route", "Not Found"),
    )


def _contracts(folder: str) -> list[str]:
    """What other teams read: pages and programs of any origin may, and a schema never changes."""
    anyone = "add_header Access-Control-Allow-Origin * always;"
    for_ever = 'add_header Cache-Control "public, max-age=31536000, immutable";'
    documents = (
        ("= /asyncapi.json", "asyncapi.json", "application/json"),
        ("= /events.md", "EVENTS.md", '"text/markdown; charset=utf-8"'),
    )
    return [
        _location(
            "^~ /schemas/",
            f"root {folder};",
            "types {}",
            "default_type application/schema+json;",
            "error_page 403 404 = @no_such_schema;",
            anyone,
            for_ever,
        ),
        *(
            _location(
                matches, f"alias {folder}/{file};", "types {}", f"default_type {kind};", anyone
            )
            for matches, file, kind in documents
        ),
        _location(
            "@no_such_schema", anyone, *_problem(404, "no-such-schema", "There is no such schema.")
        ),
    ]


def _limits() -> list[str]:
    return [
        f"limit_req zone=token burst={TOKEN_BURST} nodelay;",
        f"limit_req zone=address burst={ADDRESS_BURST} nodelay;",
        "limit_req_status 429;",
        # Below what the error log takes: a request line may hold a token.
        "limit_req_log_level info;",
        "error_page 429 = @too_many;",
    ]


def _problems() -> list[str]:
    """What the gateway says itself, in the words the services use."""
    title = "The body is larger than this service takes."
    limit = BODY_KILOBYTES_MAX * 1024
    too_large = _problem(413, "body-too-large", title, body_bytes_max=limit)
    unavailable = _problem(503, "unavailable", "This service does not answer at the moment.")
    # A request line or a header that nginx itself cannot take, and a method it takes for nobody.
    malformed = _problem(400, "malformed-request", "This is not a request we can read.")
    method = _problem(405, "method-not-allowed", "This address does not take this method.")
    return [
        _location(f"= {MALFORMED}", *malformed),
        _location("@method_not_allowed", *method),
        _location("@body_too_large", *too_large),
        _location("@unavailable", *unavailable),
        _location("@too_many", *_problem(429, "too-many-requests", "This is asked too often.")),
    ]


def _problem(status: int, code: str, title: str, **facts: int) -> list[str]:
    document = json.dumps({**facts, "type": code, "title": title, "status": status})
    return ["default_type application/problem+json;", f"return {status} '{document}';"]


def _location(matches: str, *lines: str) -> str:
    return f"location {matches} {{\n" + _indented("\n".join(lines)) + "\n}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.split("\n"))
