"""Pictures are decoded beside the worker: one that kills its decoder costs one medium, never the worker or the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from core.adapters.decoder_pool import DecoderPool
from core.adapters.postgres.roles import Cluster
from core.errors import UnavailableError
from core.messages import URL_QUEUE
from daemon.handlers.acquire import AcquireHandler
from daemon.roles import start_roles
from tests.fakes import poisoned_decoder
from tests.fakes.poisoned_decoder import poisoned
from tests.running_system import System, a_picture, an_ad, running_services


@pytest.fixture
def decoder(system: System) -> Iterator[DecoderPool]:
    """The system's decoder, which pictures can kill."""
    pool = DecoderPool(max_pixels=1_000_000, command=poisoned_decoder.COMMAND)
    for consumer in system.consumers.values():
        if consumer.name == URL_QUEUE and isinstance(consumer.handler, AcquireHandler):
            acquirer = replace(consumer.handler.acquirer, describe=pool.describe)
            consumer.handler = replace(consumer.handler, acquirer=acquirer)
    yield pool
    pool.close()


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize(
    ("poison", "reason"),
    [("segfault", "its decoder crashed (SIGSEGV)"), ("die", "its decoder was killed twice (SIGKILL)")],
)
def test_one_poisoned_picture_among_five_ads_fails_alone(system: System, poison: str, reason: str) -> None:
    pictures = [a_picture(colour) for colour in ("red", "green", "blue", "black", "white")]
    pictures[2] = poisoned(pictures[2], poison)
    ads = [an_ad(str(number), "", system.upload(picture)) for number, picture in enumerate(pictures, 1)]

    request = system.ingest(*ads)

    (run,) = system.rows("run")
    (medium,) = system.rows("ad_media", "status <> 'ok'")
    assert (run["state"], run["partial"], request["status"]) == ("committed", True, "completed")
    assert request["result"]["media"] == {"ok": 4, "unreadable": 1}
    assert [system.ad(key)["media_status"] for key in "12345"] == ["ok", "ok", "unreadable", "ok", "ok"]
    assert medium["reason"] == reason
    assert not system.rows("queue_message")
    assert not system.rows("dead_letter")


def test_the_decoders_end_with_the_roles(cluster: Cluster, tmp_path: Path) -> None:
    with running_services(cluster, tmp_path) as (services, registry, _):
        running = start_roles({"worker"}, services.settings, services, registry)
        try:
            assert services.media_decoder.describe(BytesIO(a_picture("red"))).width == 320
        finally:
            running.stop()

        with pytest.raises(UnavailableError, match="has stopped"):
            services.media_decoder.describe(BytesIO(a_picture("red")))
