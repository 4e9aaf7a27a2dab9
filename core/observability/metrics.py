"""What is counted, for Prometheus. Labels are few words chosen in the code: never an identifier, never a URL."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from core.observability.redaction import redact

MAX_VALUES_OF_A_LABEL: Final = 200
"""Further values are counted as ``other``: a mistake in a label must not fill the memory."""
CALL_SECONDS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
REQUEST_SECONDS: Final = (0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REGISTRY: Final = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

_CALLS = Counter(
    "adology_external_calls", "Calls to services outside", ["service", "operation", "outcome"], registry=REGISTRY
)
_CALL_SECONDS = Histogram(
    "adology_external_call_seconds",
    "Duration of calls to services outside",
    ["service", "operation"],
    buckets=CALL_SECONDS,
    registry=REGISTRY,
)
_CALL_BYTES = Counter(
    "adology_external_call_bytes",
    "Bytes moved by calls to services outside",
    ["service", "operation"],
    registry=REGISTRY,
)
_CALL_COST = Counter(
    "adology_external_call_cost_usd", "US dollars spent on services outside", ["service"], registry=REGISTRY
)
_MESSAGES = Counter("adology_queue_messages", "Messages settled, by outcome", ["queue", "outcome"], registry=REGISTRY)
_MESSAGE_SECONDS = Histogram(
    "adology_queue_message_seconds", "Time to handle a message", ["queue"], buckets=CALL_SECONDS, registry=REGISTRY
)
_ITEMS = Counter("adology_items", "Items of runs that ended, by status", ["status"], registry=REGISTRY)
_REQUESTS = Counter("adology_http_requests", "HTTP requests answered", ["method", "route", "status"], registry=REGISTRY)
_REQUEST_SECONDS = Histogram(
    "adology_http_request_seconds", "Time to answer", ["method", "route"], buckets=REQUEST_SECONDS, registry=REGISTRY
)
_DEPTH = Gauge("adology_queue_depth", "Messages in a queue, by state", ["queue", "state"], registry=REGISTRY)
_OLDEST = Gauge("adology_queue_oldest_age_seconds", "Age of the oldest waiting message", ["queue"], registry=REGISTRY)
_NOTICES_DROPPED = Counter(
    "adology_error_notices_dropped", "Errors logged but not shown: too many at once", registry=REGISTRY
)

_seen: defaultdict[str, set[str]] = defaultdict(set)
_seen_lock = threading.Lock()


def external_call(
    service: str, operation: str, *, outcome: str, seconds: float, size_bytes: int | None, cost_usd: float | None
) -> None:
    """Count one call; ``core.observability.external_calls`` does it for you."""
    names = {"service": _bounded("service", service), "operation": _bounded("operation", operation)}
    _CALLS.labels(**names, outcome=_bounded("call outcome", outcome)).inc()
    _CALL_SECONDS.labels(**names).observe(seconds)
    if size_bytes:
        _CALL_BYTES.labels(**names).inc(size_bytes)
    if cost_usd:
        _CALL_COST.labels(service=names["service"]).inc(cost_usd)


def queue_message(queue: str, outcome: str, *, seconds: float | None = None) -> None:
    """Count one message settled: ``done``, ``retried``, ``failed``, ``dead`` …"""
    name = _bounded("queue", queue)
    _MESSAGES.labels(queue=name, outcome=_bounded("message outcome", outcome)).inc()
    if seconds is not None:
        _MESSAGE_SECONDS.labels(queue=name).observe(seconds)


def item_ended(status: str) -> None:
    """Count one item of a run that reached a terminal status."""
    _ITEMS.labels(status=_bounded("item status", status)).inc()


def http_request(method: str, route: str | None, status: int, *, seconds: float) -> None:
    """Count one answer. ``route`` is the rule (``/brands/<slug>``), never the path; None where no rule matched."""
    names = {"method": _bounded("method", method), "route": _bounded("route", route or "none")}
    _REQUESTS.labels(**names, status=_bounded("http status", str(status))).inc()
    _REQUEST_SECONDS.labels(**names).observe(seconds)


def queue_depth(queue: str, depths: Mapping[str, int], *, oldest_age_seconds: float | None) -> None:
    """Set how much a queue holds, by state: ``{"waiting": 3, "in_flight": 1, "delayed": 0}``."""
    name = _bounded("queue", queue)
    for state, count in depths.items():
        _DEPTH.labels(queue=name, state=_bounded("queue state", state)).set(count)
    _OLDEST.labels(queue=name).set(oldest_age_seconds or 0.0)


def error_notice_dropped() -> None:
    """Count one error that was logged but not handed to the notifier."""
    _NOTICES_DROPPED.inc()


def render_metrics() -> tuple[bytes, str]:
    """The body and content type for ``GET /metrics``."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST


def _bounded(label: str, value: str) -> str:
    with _seen_lock:
        seen = _seen[label]
        if value in seen:
            return value
        if len(seen) >= MAX_VALUES_OF_A_LABEL or redact(value) != value:
            return "other"
        seen.add(value)
        return value
