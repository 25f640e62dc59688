"""Log lines: one shape for ours and the libraries', and no secrets in them."""

import json
import logging

import pytest
import structlog

from shared.observability.logging import MessageLine, configure_logging, log_messages


@pytest.fixture
def lines(capsys):
    """Configure logging as a service does, and put everything back after the test."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    before = root.handlers, root.level, access.disabled

    def configure(**options):
        configure_logging("wallet", **options)
        return written

    def written():
        return capsys.readouterr().err.splitlines()

    configured = structlog.get_config()
    yield configure
    root.handlers, access.disabled = before[0], before[2]
    root.setLevel(before[1])
    structlog.configure(**configured)
    structlog.contextvars.clear_contextvars()


def test_a_stream_that_is_no_terminal_gets_json_with_the_context(lines):
    written = lines()
    structlog.contextvars.bind_contextvars(request_id="r1")
    structlog.get_logger().info("gift.sent", coins=5)

    (line,) = map(json.loads, written())
    assert (line["event"], line["coins"], line["level"]) == ("gift.sent", 5, "info")
    assert (line["service"], line["request_id"]) == ("wallet", "r1")


def test_the_libraries_speak_in_the_same_shape(lines):
    written = lines(json=True)
    structlog.contextvars.bind_contextvars(request_id="r1")
    logging.getLogger("sqlalchemy").warning("pool %s", "full", extra={"size": 5})

    (line,) = map(json.loads, written())
    assert (line["event"], line["size"], line["service"]) == ("pool full", 5, "wallet")
    assert line["request_id"] == "r1"


def test_the_service_is_named_even_after_the_context_is_cleared(lines):
    written = lines(json=True)
    structlog.contextvars.clear_contextvars()
    structlog.get_logger().info("gift.sent")

    assert json.loads(written()[0])["service"] == "wallet"


@pytest.mark.parametrize("as_json", [True, False])
def test_an_exception_is_told_without_local_variables(lines, as_json):
    written = lines(json=as_json)
    fail(structlog.get_logger())

    text = "\n".join(written())
    assert "went wrong" in text
    assert "hunter2" not in text
    if as_json:
        (exception,) = json.loads(text)["exception"]
        assert (exception["exc_type"], exception["exc_value"]) == ("ValueError", "went wrong")


def fail(log):
    # Put together here, because a traceback does quote the lines of the source.
    password = f"hunter{1 + 1}"
    try:
        raise ValueError("went wrong")  # noqa: TRY301
    except ValueError:
        log.exception("gift.failed", characters=len(password))


JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtaXJhIn0.c2lnbmVk"


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "name", ["password", "provider_api_key", "webhook_secret", "access_token", "Authorization"]
)
def test_what_is_called_a_secret_is_not_written(lines, as_json, name):
    written = lines(json=as_json)
    structlog.get_logger().info("request.failed", **{name: "hunter2"}, reason="expired")
    structlog.get_logger().info("request.failed", headers={name: "hunter2"}, reason="expired")

    text = "\n".join(written())
    assert "hunter2" not in text
    assert text.count("***") == 2
    assert text.count("expired") == 2


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Authorization: Bearer hunter2hunter2", "Bearer ***"),
        ("cannot reach amqp://wallet:hunter2@mq/ovation", "amqp://wallet:***@mq/ovation"),
        ("GET /room?token=hunter2&after=5", "token=***&after=5"),
        ("signed with whsec_hunter2", "whsec_***"),
        (f"{JWT} has expired", "*** has expired"),
    ],
)
def test_what_looks_like_a_secret_is_not_written_whoever_says_it(lines, as_json, said, kept):
    written = lines(json=as_json)
    logging.getLogger("library").warning("it said: %s", said)
    try:
        raise ValueError(said)  # noqa: TRY301
    except ValueError:
        structlog.get_logger().exception("request.failed")

    text = "\n".join(written())
    assert "hunter2" not in text
    assert JWT not in text
    assert text.count(kept) >= 2


def test_what_is_no_secret_is_written_as_it_is(lines):
    written = lines(json=True)
    said = "a bearer token for https://coins.example.com:8080/v1/gifts?after=7, mira@example.com"
    structlog.get_logger().warning("gift.sent", key="mira", said=said)

    assert json.loads(written()[0])["said"] == said


def test_what_is_chatty_is_quiet(lines):
    written = lines(json=True)
    logging.getLogger("aiormq.connection").info("connected")
    logging.getLogger("aio_pika").info("connected")
    logging.getLogger("uvicorn.access").error("GET /v1/wallets/mira")
    structlog.get_logger().debug("request.answered")
    logging.getLogger("aio_pika").warning("lost")

    assert [json.loads(line)["event"] for line in written()] == ["lost"]


def a_message(number, *, traceparent=None, kind="dev.ovation.gift.sent.v1"):
    return MessageLine(kind, f"id-{number}", "subject", f"story-{number // 2}", None, traceparent)


def test_a_batch_of_messages_is_a_line_with_counts_and_every_correlation_id(lines):
    written = lines(json=True)
    other = a_message(4, kind="dev.ovation.gift.requested.v1")

    log_messages("handled", [*map(a_message, range(4)), other], queue="live.gifts")

    (line,) = map(json.loads, written())
    assert (line["event"], line["queue"], line["messages"]) == ("batch.handled", "live.gifts", 5)
    assert line["types"] == {"dev.ovation.gift.sent.v1": 4, "dev.ovation.gift.requested.v1": 1}
    assert line["correlation_ids"] == ["story-0", "story-1", "story-2"]
    assert (line["service"], line["level"]) == ("wallet", "info")


def test_a_large_batch_has_lines_that_no_collector_cuts(lines):
    written = lines(json=True)

    log_messages("published", [a_message(number) for number in range(1_000)])

    told = list(map(json.loads, written()))
    assert sum(line["messages"] for line in told) == 1_000
    assert max(map(len, map(json.dumps, told))) < 8_000
    assert sum(len(line["correlation_ids"]) for line in told) == 500


def test_a_message_of_a_sampled_trace_has_a_line_of_its_own(lines):
    written = lines(json=True)
    ids = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"

    log_messages("handled", [a_message(1, traceparent=f"{ids}-{end}") for end in ("00", "01")])

    batch, message = map(json.loads, written())
    assert batch["event"] == "batch.handled"
    assert (message["event"], message["message_id"]) == ("message.handled", "id-1")
    assert (message["correlation_id"], message["causation_id"]) == ("story-0", None)


def test_at_debug_every_message_has_a_line(lines, monkeypatch):
    monkeypatch.setenv("OVATION_LOG_LEVEL", "debug")
    written = lines(json=True)

    log_messages("published", [a_message(number) for number in range(3)])

    assert [json.loads(line)["event"] for line in written()] == [
        "batch.published",
        *["message.published"] * 3,
    ]
