"""One logging pipeline: structlog over the standard library, so that foreign records leave by the same door.

``configure_logging`` is called once where a process starts; modules call ``get_logger(__name__)`` and log an
event (a short sentence that never varies) with fields. Identifiers are bound, not passed: ``bound_context``.
"""

from __future__ import annotations

import contextvars
import json as json_module
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Final, ParamSpec, TextIO, TypeVar, cast

import structlog
from structlog.contextvars import bound_contextvars
from structlog.processors import ExceptionRenderer
from structlog.stdlib import BoundLogger, ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from core.errors import BadInputError
from core.observability.redaction import redact_event

P = ParamSpec("P")
R = TypeVar("R")

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MAX_FRAMES: Final = 20
_FIRST_FIELDS: Final = ("timestamp", "level", "event", "logger")

# Below WARNING these write requests, headers or bound parameters: our own wrapper tells of the calls instead.
_QUIET: Final = (
    *("boto3", "botocore", "s3transfer", "urllib3", "pymongo", "openai", "httpx2", "httpcore2"),
    *("sqlalchemy", "asyncio", "PIL", "apscheduler.executors", "uvicorn.access", "uvicorn.error"),
)
# A repeat that is skipped because the last one still runs is no news.
_SILENT: Final = ("apscheduler.scheduler",)
# These bring handlers of their own; they lose them, so that nothing is written twice or around the redaction.
_FOREIGN: Final = ("gunicorn", "alembic", "apscheduler", "streamlit", "uvicorn", "werkzeug", "py", *_QUIET, *_SILENT)

_ON_EVERY_RECORD: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
_PIPELINE: Final[list[Processor]] = [
    structlog.stdlib.filter_by_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    *_ON_EVERY_RECORD,
    ProcessorFormatter.wrap_for_formatter,
]


class _PipelineHandler(logging.StreamHandler[TextIO]):
    """Writes to the given stream, or to whatever ``sys.stderr`` is at that moment."""

    def __init__(self, stream: TextIO | None) -> None:
        logging.Handler.__init__(self)
        self._given = stream

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return self._given if self._given is not None else sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """A record that can't be written is named, never dumped: the default prints its raw arguments."""
        lost = {"level": "error", "event": "log record lost", "logger": record.name, "line": record.lineno}
        self.stream.write(json_module.dumps(lost) + "\n")


def configure_logging(*, level: str, json: bool | None = None, stream: TextIO | None = None) -> None:
    """Send every record of this process through the one pipeline; calling it again replaces the settings.

    ``json=None`` means JSON unless the stream is a terminal. The default stream is standard error.
    Raises BadInputError for an unknown level.
    """
    if level.upper() not in LEVELS:
        raise BadInputError(f"Unknown log level {level!r}: use one of {', '.join(LEVELS)}.")
    target = stream if stream is not None else sys.stderr
    handler = _PipelineHandler(stream)
    handler.setFormatter(log_formatter(json=not target.isatty() if json is None else json, colours=target.isatty()))
    root = logging.getLogger()
    for old in [h for h in root.handlers if type(h) in (_PipelineHandler, logging.StreamHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    structlog.configure(
        processors=_PIPELINE,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=BoundLogger,
        cache_logger_on_first_use=True,
    )
    _adopt_foreign_loggers(level.upper())


def log_formatter(*, json: bool, colours: bool = False) -> ProcessorFormatter:
    """The only way a record becomes text. Any further handler (CloudWatch, a file) must wear it."""
    exceptions: Processor
    renderer: Processor
    if json:
        exceptions = ExceptionRenderer(ExceptionDictTransformer(show_locals=False, max_frames=MAX_FRAMES))
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        exceptions = structlog.processors.format_exc_info
        renderer = structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=structlog.dev.plain_traceback)
    return ProcessorFormatter(
        foreign_pre_chain=_ON_EVERY_RECORD,
        processors=[ProcessorFormatter.remove_processors_meta, exceptions, redact_event, _in_reading_order, renderer],
    )


def get_logger(name: str) -> BoundLogger:
    """The logger of a module: ``log = get_logger(__name__)``; cheap, and usable before ``configure_logging``."""
    logger = structlog.wrap_logger(
        logging.getLogger(name), processors=_PIPELINE, wrapper_class=BoundLogger, cache_logger_on_first_use=True
    )
    return cast(BoundLogger, logger)


def bound_context(
    *,
    request_id: str | None = None,
    organisation: str | None = None,
    user: str | None = None,
    brand: str | None = None,
    scope: str | None = None,
    batch_id: str | None = None,
    item_id: str | None = None,
    queue: str | None = None,
    message_id: str | None = None,
    source: str | None = None,
    trace_id: str | None = None,
) -> AbstractContextManager[None]:
    """Put these identifiers on every record inside the block, in this thread or task; None leaves one as it was."""
    given = {name: value for name, value in locals().items() if value is not None}
    return cast(AbstractContextManager[None], bound_contextvars(**given))


@contextmanager
def fresh_context(*, trace_id: str) -> Iterator[None]:
    """A request of its own, in a thread that serves one after another: nothing bound before or inside is left over."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(trace_id=trace_id)
    try:
        yield
    finally:
        structlog.contextvars.clear_contextvars()


def name_asker(*, organisation: str, user: str) -> None:
    """From here on each record of this request says for whom."""
    structlog.contextvars.bind_contextvars(organisation=organisation, user=user)


def current_context() -> Mapping[str, str]:
    """The identifiers bound here: to send them along in a message."""
    return cast(Mapping[str, str], structlog.contextvars.get_contextvars())


def in_current_context(function: Callable[P, R]) -> Callable[P, R]:
    """The function, run with the identifiers bound here and now: for threads, which start with none."""
    bound = contextvars.copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return bound.copy().run(function, *args, **kwargs)

    return run


def log_uncaught_exceptions() -> None:
    """Log what would end the process or a thread, instead of a raw traceback. For the entry of a process."""
    log = get_logger("adology.uncaught")

    def in_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.critical("process ends by an error nobody caught", exc_info=(kind, error, trace))

    def in_thread(caught: threading.ExceptHookArgs) -> None:
        if caught.exc_value is not None:
            thread = caught.thread.name if caught.thread else None
            log.error("thread ends by an error nobody caught", exc_info=caught.exc_value, thread=thread)

    sys.excepthook = in_main
    threading.excepthook = in_thread


def _in_reading_order(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: event[name] for name in _FIRST_FIELDS if name in event} | dict(event)


def _adopt_foreign_loggers(level: str) -> None:
    for name in [*_FOREIGN, *logging.Logger.manager.loggerDict]:
        family = name.partition(".")[0]
        if family not in _FOREIGN:
            continue
        logger = logging.getLogger(name)
        for handler in [h for h in logger.handlers if not isinstance(h, logging.NullHandler)]:
            logger.removeHandler(handler)
        logger.propagate = True
        logger.setLevel(_floor(name, level))


def _floor(name: str, level: str) -> Any:
    if name in _SILENT:
        return max(logging.getLevelName(level), logging.ERROR)
    return max(logging.getLevelName(level), logging.WARNING) if name in _QUIET else logging.NOTSET
