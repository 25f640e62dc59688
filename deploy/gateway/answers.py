"""What the gateway says itself, in the words the services use."""

import json

from shared.http.problems import PROBLEMS

# A page declares what it may do. An answer without a declaration is no page, and may do nothing.
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
add_header WWW-Authenticate $ovation_challenge always;
# Ours to say only where no service answered: one that did has said it.
map $upstream_http_retry_after:$status $ovation_retry_after {
    "~^:(429|503)$" 1;
    default         "";
}
map $upstream_http_www_authenticate:$status $ovation_challenge {
    "~^:401$" Bearer;
    default   "";
}"""
# What nginx answers before it looks at the address. Not names beginning with @, as the others have:
# nginx goes to none before it has an address.
MALFORMED = "/.malformed-request"
NOT_IMPLEMENTED = "/.not-implemented"
UNKNOWN_VERSION = "/.unknown-version"
# Every answer that nginx makes itself, and what says it in our words. It intercepts no answer of a
# service, except where a location says so. 408 and 444 are none: nginx hangs up.
ERROR_PAGES = (
    f"error_page 400 411 414 421 494 495 496 497 = {MALFORMED};",
    "error_page 403 404 = @no_such_route;",
    "error_page 405 = @method_not_allowed;",
    "error_page 412 = @precondition_failed;",
    "error_page 413 = @body_too_large;",
    "error_page 416 = @no_such_range;",
    "error_page 500 = @internal_error;",
    f"error_page 501 = {NOT_IMPLEMENTED};",
    "error_page 502 503 504 507 = @unavailable;",
    f"error_page 505 = {UNKNOWN_VERSION};",
)
# In a location whose own list takes the place of this one, what it does not say itself.
OTHER_ERROR_PAGES = tuple(page for page in ERROR_PAGES if " 404 " not in page)
# How long a feed that cannot be had at the moment is left alone by those who follow it.
FEED_AGAIN_SECONDS = 2
# An event stream that ends at once and says when to come again. A page that reads its headers
# sees Retry-After, which a feed that begins does not have.
FEED_ANSWERS = f"""\
location @feed_again {{
    default_type text/event-stream;
    add_header Cache-Control "no-store, no-transform" always;
    add_header Retry-After {FEED_AGAIN_SECONDS} always;
    add_header X-Content-Type-Options nosniff always;
    add_header Strict-Transport-Security $ovation_transport always;
    return 200 "retry: {FEED_AGAIN_SECONDS}000\\n\\n";
}}"""


def problem(status: int, code: str, title: str, **facts: int | str) -> list[str]:
    """Return the lines that answer with a problem document."""
    members = {"type": f"{PROBLEMS}/{code}", "code": code, "title": title, "status": status}
    # A variable of nginx; no id that is not fit for a text gets into it.
    document = json.dumps({**facts, **members, "request_id": "$ovation_request_id"})
    return ["default_type application/problem+json;", f"return {status} '{document}';"]


# Counted is the token as it is written: another spelling of it would be another caller.
MISSPELT = [
    "default_type application/problem+json;",
    "if ($ovation_misspelt) {",
    "    "
    + problem(401, "unauthenticated", "The request carries no valid token.", reason="malformed")[1],
    "}",
]


def problems(*, body_bytes_max: int, upload_bytes_max: int) -> list[str]:
    """Return the locations of everything the gateway refuses itself."""
    title = "The body is larger than this service takes."
    too_large = problem(413, "body-too-large", title, body_bytes_max=body_bytes_max)
    upload_too_large = problem(413, "body-too-large", title, body_bytes_max=upload_bytes_max)
    unavailable = problem(503, "unavailable", "This service does not answer at the moment.")
    # A request line or a header that nginx itself cannot take, and a method it never takes.
    malformed = problem(400, "malformed-request", "This is not a request we can read.")
    method = problem(405, "method-not-allowed", "This address does not take this method.")
    coding = problem(501, "not-implemented", "The gateway knows no such transfer coding.")
    version = problem(505, "http-version-not-supported", "Ask by HTTP/1.1 or HTTP/1.0.")
    range_ = problem(416, "no-such-range", "This document has no such range.")
    failed = problem(412, "precondition-failed", "The document is not the one you named.")
    return [
        _location(f"= {MALFORMED}", malformed),
        _location(f"= {NOT_IMPLEMENTED}", coding),
        _location(f"= {UNKNOWN_VERSION}", version),
        _location("@no_such_route", problem(404, "no-such-route", "Not Found")),
        _location("@method_not_allowed", method),
        _location("@precondition_failed", failed),
        _location("@no_such_range", range_),
        _location("@internal_error", problem(500, "internal-error", "The gateway failed.")),
        _location("@body_too_large", too_large),
        _location("@upload_too_large", upload_too_large),
        _location("@unavailable", unavailable),
        _location(
            "@address_not_allowed",
            problem(403, "address-not-allowed", "This address may not call here."),
        ),
        _location("@too_many", problem(429, "too-many-requests", "This is asked too often.")),
    ]


def _location(matches: str, lines: list[str]) -> str:
    return f"location {matches} {{\n" + "".join(f"    {line}\n" for line in lines) + "}"
