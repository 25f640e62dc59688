"""Logs are events too: one line an outcome, JSON for machines, colours for a person."""

import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from pydantic_core import to_json
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.observability.tracing import is_sampled

# Chatty at INFO, and about things our own lines already say.
_QUIET = ("aiormq", "aio_pika", "httpx", "httpcore", "uvicorn.error", "alembic")


# What is written instead of a secret.
HIDDEN = "***"
_SECRET_NAMES = re.compile(r"(?i)password|secret|token|authorization|cookie|api_?key")
# Secrets inside a text, behind what is kept of it: `Bearer ...`, `token=...`, `://user:...@`.
_SECRET_TEXTS = re.compile(
    r"""(?ix)
    ( bearer\s+ ) [^\s"',;)]{12,}  # longer than what may follow the word in a sentence
    | ( (?:password|secret|token|api_?key)= ) [^\s&"',;)]+
    | ( :// [^\s/:@"']* : ) [^\s/@"']+ (?=@)
    | ( whsec_ ) [\w+/=-]+
    | \b eyJ[\w-]{6,} \. [\w-]+ (?: \. [\w-]* )?  # a JSON Web Token, wherever it is
    """
)

LEVEL_VARIABLE = "OVATION_LOG_LEVEL"
# A longer line would be cut by what collects logs.
MESSAGES_A_LINE_MAX = 100

# The service whose messages are written as JSON lines, once logging is configured so.
_service_in_json: str | None = None
_each_message = False


def configure_logging(service: str, *, json: bool | None = None, level: str | None = None) -> None:
    """
    Send our own and the libraries' records to stderr, in one shape.

    Without a level the environment says it (`OVATION_LOG_LEVEL`); by default INFO.
    """
    global _service_in_json, _each_message  # noqa: PLW0603 - configured once, at the start
    level = level or os.environ.get(LEVEL_VARIABLE, "INFO").upper()
    _each_message = level == "DEBUG"
    as_json = not sys.stderr.isatty() if json is None else json
    _service_in_json = service if as_json and level in ("DEBUG", "INFO") else None
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _named(service),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Never with local variables, which is the default of both: they hold tokens and passwords.
    render: list[Processor] = (
        [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
        if as_json
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _hide_by_name,
                *render,
                _hide_in_text,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # It prints raw paths, which name users; our own line names the route.
    logging.getLogger("uvicorn.access").disabled = True
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


class MessageLine(NamedTuple):
    """What is logged of a message that was published or handled."""

    type: str
    message_id: object
    subject: str
    correlation_id: str
    causation_id: str | None
    traceparent: str | None


def log_messages(done: str, messages: Iterable[MessageLine], **about: object) -> None:
    """
    Write what was done to a batch of messages, so that a correlation id finds a whole story.

    One line for up to a hundred of them, with counts by type and their correlation ids; another
    for each message of a sampled trace, at DEBUG for each of all. Thousands a second pass here:
    what a library's chain of processors does to one line costs more than all else that happens to
    a message, so these are written at once and as they are.
    """
    if _service_in_json is None or not (messages := list(messages)):
        return
    common = {
        **about,
        "service": _service_in_json,
        "level": "info",
        "timestamp": datetime.now(UTC),
    }
    lines: list[dict[str, object]] = []
    for start in range(0, len(messages), MESSAGES_A_LINE_MAX):
        part = messages[start : start + MESSAGES_A_LINE_MAX]
        lines.append(
            {
                "event": f"batch.{done}",
                "messages": len(part),
                "types": Counter(message.type for message in part),
                "correlation_ids": list(dict.fromkeys(each.correlation_id for each in part)),
                **common,
            }
        )
    for message in messages:
        if _each_message or is_sampled(message.traceparent):
            line = message._asdict()
            del line["traceparent"]
            lines.append({"event": f"message.{done}", **line, **common})
    sys.stderr.write(b"\n".join([*map(to_json, lines), b""]).decode())


def _hide_by_name(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide values with the name of a secret, such as logged request headers."""
    return {name: _hidden(name, value) for name, value in event.items()}


def _hidden(name: str, value: object) -> object:
    if _SECRET_NAMES.search(name):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(inner): _hidden(str(inner), held) for inner, held in value.items()}
    return value


def _hide_in_text(_logger: WrappedLogger, _method: str, rendered: object) -> str:
    """Hide texts that look like a secret, which libraries quote in messages and errors."""
    line = str(rendered)
    return _SECRET_TEXTS.sub(lambda found: "".join(filter(None, found.groups())) + HIDDEN, line)


def _named(service: str) -> Processor:
    """Name the service by a processor: what is bound to the context is cleared at each request."""

    def name(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return name
