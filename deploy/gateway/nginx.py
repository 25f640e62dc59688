"""The gateway's configuration: one generator for Docker Compose and for one machine."""

from collections.abc import Mapping

from deploy.config.services import FEED, PRACTICE, SERVICES, TENCENT, UPLOADS
from deploy.gateway.answers import (
    ERROR_PAGES,
    FEED_ANSWERS,
    HEADERS,
    MALFORMED,
    MISSPELT,
    OTHER_ERROR_PAGES,
    problem,
    problems,
)
from deploy.gateway.callers import CALLERS, FEED_LIMITS, LIMITS_HEADER, TIMEOUTS, limits

# The longest body any service takes.
BODY_KILOBYTES_MAX = 64
# Except a film of a gift, which an operator brings.
UPLOAD_KILOBYTES_MAX = 4_096
# Kept below the five seconds after which uvicorn closes an idle connection: a request sent into
# a closing connection is lost.
KEEPALIVE_SECONDS = 4
KEEPALIVE_CONNECTIONS = 64
WORKER_CONNECTIONS = 4096
# Fixed, whatever the host has: the container's limits of memory and processes do not follow the
# host either, and a reload has twice as many for a while. deploy/gateway/start.sh takes up to
# WORKERS_MAX.
WORKERS = 2
WORKERS_MAX = 4
# How often a name is looked up again: an instance that came is used, one that went forgotten.
RESOLVE_SECONDS = 1
# A name server that does not answer costs a request no more than this.
RESOLVE_SECONDS_MAX = 2
# Where deploy/gateway/start.sh writes whose X-Forwarded-For to believe.
TRUSTED_PROXIES = "# OVATION_TRUSTED_PROXIES"
# Where it puts the documents of the API and of events, each also compressed.
DOCUMENTS = "/tmp/documents"  # noqa: S108 - its own
# Where it writes which addresses may call as Tencent.
TENCENT_ADDRESSES = "# OVATION_TENCENT_ADDRESSES"

# Nothing secret is in an answer beside what a stranger chose (tokens come in headers, and are never
# answered), so compression tells nothing. Feeds stay as they are: each event goes on at once.
# What never changes is compressed once: pages and their files by web, documents by start.sh.
GZIP_BYTES_MIN = 1_024
MARKDOWN = "text/markdown; charset=utf-8"
GZIP_TYPES = (
    "text/css",
    "text/javascript",
    "text/csv",
    "image/svg+xml",
    "application/json",
    # Animations of gifts.
    "video/lottie+json",
    "application/problem+json",
    "application/schema+json",
    # Of its own files nginx compares the whole type.
    f'"{MARKDOWN}"',
)
GZIP = f"""\
gzip on;
gzip_static on;
gzip_vary on;
gzip_proxied any;
gzip_comp_level 5;
gzip_min_length {GZIP_BYTES_MIN};
gzip_types {" ".join(GZIP_TYPES)};"""

# Server-sent events: each goes on at once, through a proxy in front of us as well, and a quiet room
# is not a broken one. Browsers' own EventSource sends its token in the address, which no log is to
# hold; and it never comes back after an answer that is not 200, so what passes is a 200 as well.
FEED_SETTINGS = (
    "proxy_buffering off;",
    "proxy_pass_header X-Accel-Buffering;",
    "proxy_read_timeout 1h;",
    "error_log stderr crit;",
    "proxy_intercept_errors on;",
    "error_page 429 502 503 504 =200 @feed_again;",
    # Of live's own refusals none is a 400 or a 413.
    f"error_page 400 = {MALFORMED};",
    "error_page 413 = @body_too_large;",
)
# The signature in its address is good for some seconds, so no log may have the address.
TENCENT_SETTINGS = (
    TENCENT_ADDRESSES,
    "error_log stderr crit;",
    *OTHER_ERROR_PAGES,
    "error_page 403 = @address_not_allowed;",
)
UPLOAD_SETTINGS = (
    f"client_max_body_size {UPLOAD_KILOBYTES_MAX}k;",
    # Straight on: a stranger's upload takes neither memory nor room on a disk here.
    "proxy_request_buffering off;",
    *(page for page in ERROR_PAGES if " 413 " not in page),
    "error_page 413 = @upload_too_large;",
)
# What a provider or a chat service signs carries no token of ours.
SIGNED = ("^/v1/webhooks/", "^/v1/callbacks/")
_REFUSALS = problems(
    body_bytes_max=BODY_KILOBYTES_MAX * 1024, upload_bytes_max=UPLOAD_KILOBYTES_MAX * 1024
)
# The first match wins. Every other path belongs to web.
ROUTES: tuple[tuple[str, str], ...] = tuple(
    (pattern, service.name) for service in SERVICES.values() for pattern in service.routes
)
# For practice only: they live behind a prefix that they do not know. A gateway that is not told of
# them has no such routes.
STRIPPED = (*PRACTICE, "issuer")
PRACTICE_FILES = "/etc/nginx/practice/*.conf"

REQUEST_ID = """\
map $http_x_request_id $ovation_request_id {
    "~^[A-Za-z0-9._-]{1,64}$" $http_x_request_id;
    default                   $request_id;
}
map $upstream_http_x_request_id $ovation_answered_id {
    ""      $ovation_request_id;
    default "";
}
add_header X-Request-Id $ovation_answered_id always;"""
# A proxy in front of us knows how its caller came; nothing is allowed because of it.
SCHEME = """\
map $http_x_forwarded_proto $ovation_scheme {
    http    http;
    https   https;
    default $scheme;
}"""
FORWARDED = """\
proxy_http_version 1.1;
proxy_set_header Connection "";
proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header X-Forwarded-Proto $ovation_scheme;
proxy_set_header X-Request-Id $ovation_request_id;
proxy_connect_timeout 2s;
proxy_read_timeout 30s;"""

# An instance that stops or does not answer costs its callers nothing where there is another one:
# each is tried once. While all of a service are replaced, half of those we know are gone.
# A POST is sent again too: what moves value carries an Idempotency-Key, a webhook the id of its
# event, and the rest only sets what is already set. After RETRY_SECONDS_MAX the caller gets the
# error, and decides.
RETRY_SECONDS_MAX = 10
RETRIED = f"""\
proxy_next_upstream error timeout http_502 http_503 non_idempotent;
proxy_next_upstream_timeout {RETRY_SECONDS_MAX}s;"""
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
    documents_folder: str = DOCUMENTS,
    contracts_folder: str = "/etc/nginx/contracts",
    limits_file: str | None = None,
) -> str:
    """
    Return what belongs into nginx's `http` block.

    `upstreams` are `host:port` by service. With a resolver names are looked up when they are
    needed, so the gateway starts without its services; without one addresses are fixed, several
    for one service separated by spaces, and connections to them are kept open. `limits_file` has
    the limits of requests for each caller.
    """
    blocks = [
        "# Written by deploy/gateway/nginx.py: run `make contracts`, do not edit.",
        REQUEST_ID,
        SCHEME,
        HEADERS,
        CALLERS,
        GZIP,
        "proxy_headers_hash_bucket_size 128;",
    ]
    if limits_file is not None:
        blocks += [f"include {limits_file};", LIMITS_HEADER]
    if resolver is None:
        blocks += [_upstream(name, address) for name, address in upstreams.items()]
    prefix = "" if resolver is None else "$to_"
    targets = {name: f"http://{prefix}{name}" for name in upstreams}
    limited = limits_file is not None
    settings = [
        f"listen {listen};",
        # A token of 8 kB, the longest a service looks at, may stand in a header or, for a feed, in
        # the address.
        "large_client_header_buffers 4 16k;",
        f"client_max_body_size {BODY_KILOBYTES_MAX}k;",
        *ERROR_PAGES,
        *TIMEOUTS,
        *(limits(TOKEN_BURST, ADDRESS_BURST) if limited else ()),
        *_resolution(upstreams, resolver),
        FORWARDED,
    ]
    locations = [
        _hidden(),
        *(_route(pattern, name, targets, limited=limited) for pattern, name in ROUTES),
        *(_stripped(name, targets[name]) for name in STRIPPED if name in targets),
        *_no_practice(resolver),
        _openapi(documents_folder),
        *_contracts(contracts_folder, documents_folder),
        _location("/", _pass("web", targets)),
        *_REFUSALS,
        FEED_ANSWERS,
    ]
    body = "\n\n".join(["\n".join(settings), *locations])
    blocks.append("server {\n" + _indented(body) + "\n}")
    return "\n\n".join(blocks) + "\n"


def render_whole(http: str) -> str:
    """Return a complete nginx.conf for a private nginx that keeps everything in its prefix."""
    return _whole(http, "daemon off;\npid nginx.pid;", ("access_log off;",), folder="temp")


def render_container(http: str) -> str:
    """Return a complete nginx.conf for a container without rights, where only /tmp is written."""
    settings = (ACCESS_LOG, TRUSTED_PROXIES)
    return _whole(http, "pid /tmp/nginx.pid;", settings, folder="/tmp")  # noqa: S108 - its own


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
        f"worker_processes {WORKERS};\n"
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
    return [
        f"resolver {resolver} valid={RESOLVE_SECONDS}s;",
        f"resolver_timeout {RESOLVE_SECONDS_MAX}s;",
        *names,
    ]


def _route(pattern: str, name: str, targets: Mapping[str, str], *, limited: bool) -> str:
    lines = [_pass(name, targets), *RETRIED.split("\n")] if name in targets else ["return 503;"]
    if not pattern.startswith(SIGNED):
        lines += MISSPELT
    if pattern == FEED:
        lines += [*FEED_SETTINGS, *(FEED_LIMITS if limited else ())]
    if pattern == UPLOADS:
        lines += UPLOAD_SETTINGS
    if pattern == TENCENT:
        lines += TENCENT_SETTINGS
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
    nothing = _location(f"~ ^/({stripped})(/|$)", *problem(404, "no-such-route", "Not Found"))
    return [nothing] if resolver is None else [f"include {PRACTICE_FILES};", nothing]


def _pass(name: str, targets: Mapping[str, str]) -> str:
    return f"proxy_pass {targets[name]};" if name in targets else "return 503;"


def _hidden() -> str:
    """Hide what operators and probes ask a service directly."""
    stripped = "|".join(STRIPPED)
    return _location(
        f"~ ^(/({stripped}))?/(metrics|livez|readyz)(/|$)",
        *problem(404, "no-such-route", "Not Found"),
    )


def _openapi(documents: str) -> str:
    alias = f"alias {documents}/openapi.json;"
    return _location("= /openapi.json", "default_type application/json;", alias)


def _contracts(folder: str, documents: str) -> list[str]:
    """What other teams read: pages and programs of any origin may, and a schema never changes."""
    anyone = "add_header Access-Control-Allow-Origin * always;"
    for_ever = 'add_header Cache-Control "public, max-age=31536000, immutable";'
    whole = (
        ("= /asyncapi.json", "asyncapi.json", "application/json"),
        ("= /events.md", "EVENTS.md", f'"{MARKDOWN}"'),
    )
    return [
        _location(
            "^~ /schemas/",
            f"root {folder};",
            "types {}",
            "default_type application/schema+json;",
            # 301 is a folder without its slash.
            "error_page 301 403 404 = @no_such_schema;",
            *OTHER_ERROR_PAGES,
            anyone,
            for_ever,
        ),
        *(
            _location(
                matches, f"alias {documents}/{file};", "types {}", f"default_type {kind};", anyone
            )
            for matches, file, kind in whole
        ),
        _location(
            "@no_such_schema", anyone, *problem(404, "no-such-schema", "There is no such schema.")
        ),
    ]


def _location(matches: str, *lines: str) -> str:
    return f"location {matches} {{\n" + _indented("\n".join(lines)) + "\n}"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.split("\n"))
