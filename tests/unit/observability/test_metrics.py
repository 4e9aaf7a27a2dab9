"""Figures for Prometheus, with labels that stay few whatever happens."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from core.observability import metrics


def sample(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)


def test_the_page_is_what_prometheus_reads() -> None:
    metrics.item_ended("ok")
    body, content_type = metrics.render_metrics()
    families = {family.name for family in text_string_to_metric_families(body.decode())}
    assert {"adology_items", "adology_external_calls", "adology_http_requests", "process_cpu_seconds"} <= families
    assert content_type.startswith("text/plain; version=")


def test_messages_are_counted_by_queue_and_outcome() -> None:
    metrics.queue_message("a-queue", "done", seconds=0.2)
    metrics.queue_message("a-queue", "done")
    assert sample("adology_queue_messages_total", queue="a-queue", outcome="done") == 2
    assert sample("adology_queue_message_seconds_count", queue="a-queue") == 1


def test_requests_are_counted_by_their_rule() -> None:
    metrics.http_request("TRACE", "/brands/<slug>", 200, seconds=0.01)
    metrics.http_request("TRACE", None, 404, seconds=0.01)
    assert sample("adology_http_requests_total", method="TRACE", route="/brands/<slug>", status="200") == 1
    assert sample("adology_http_requests_total", method="TRACE", route="none", status="404") == 1


def test_a_queue_that_empties_goes_back_to_zero() -> None:
    metrics.queue_depth("brand-gather-queue", {"waiting": 3, "in_flight": 1}, oldest_age_seconds=12.5)
    metrics.queue_depth("brand-gather-queue", {"waiting": 0, "in_flight": 0}, oldest_age_seconds=None)
    assert sample("adology_queue_depth", queue="brand-gather-queue", state="waiting") == 0
    assert sample("adology_queue_oldest_age_seconds", queue="brand-gather-queue") == 0


def test_identifiers_as_labels_end_up_together_instead_of_filling_the_memory() -> None:
    for number in range(metrics.MAX_VALUES_OF_A_LABEL * 3):
        metrics.item_ended(f"item-{number}")
    values = [
        line for line in metrics.render_metrics()[0].decode().splitlines() if line.startswith("adology_items_total")
    ]
    assert len(values) <= metrics.MAX_VALUES_OF_A_LABEL + 1
    assert (sample("adology_items_total", status="other") or 0) > metrics.MAX_VALUES_OF_A_LABEL
