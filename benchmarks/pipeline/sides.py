"""What both sides of the comparison can do, and how their record is judged."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from sqlalchemy import Engine, create_engine, make_url

from benchmarks.harness import System
from benchmarks.pipeline.media_host import MediaHost, picture, sha256_of
from benchmarks.pipeline.sqs import SqsServer, sqs_server
from core.bootstrap import DATABASE_NAME, admin_url

URLS_A_BRAND = 100
COMMIT_SECONDS = 180.0  # beyond, a run is void
_POLL_SECONDS = 0.05

Brands = Mapping[str, Sequence[str]]
"""URLs by brand."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a side's record holds of some brands."""

    committed: int  # brands
    stored: frozenset[str]  # hashes of creatives, of every brand
    ads: int
    failed: int  # ads whose picture could not be had


class Side(Protocol):
    """One side, running. ``commit_table`` is what only a commit writes."""

    @property
    def url_queue(self) -> str:
        """The queue of its URLs."""
        ...

    @property
    def commit_table(self) -> str:
        """What only a commit writes."""
        ...

    def ask(self, brands: Brands) -> None:
        """Begin with some brands."""
        ...

    def outcome(self, brands: Brands) -> Outcome:
        """What of them is in the record by now."""
        ...

    def kill_worker(self) -> None:
        """kill -9 of the worker and everything it started."""
        ...

    def replace_worker(self) -> None:
        """Start another in its place, as a supervisor would."""
        ...


Start = Callable[[SqsServer], AbstractContextManager[Side]]


@dataclass
class Bench:
    """Where everything is measured; no URL is ever asked for twice."""

    system: System
    host: MediaHost
    _numbers: Iterator[int] = field(default_factory=count)

    def brands(self, urls: int, *, folder: str = "pictures", of: int = URLS_A_BRAND) -> dict[str, list[str]]:
        """New brands of ``of`` URLs each."""
        numbers = [next(self._numbers) for _ in range(urls)]
        parts = [numbers[start : start + of] for start in range(0, urls, of)]
        for number in numbers:
            picture(number)  # to draw it takes longer than to serve it
        return {f"brand-{part[0]}": self.host.urls(folder, part) for part in parts}

    @contextmanager
    def running(self, start: Start) -> Iterator[tuple[Side, SqsServer]]:
        """A side over an SQS server of its own, counted from now."""
        with sqs_server(self.system.settings.home) as sqs, start(sqs) as side:
            sqs.forget()
            yield side, sqs


def superuser(system: System) -> Engine:
    """In our database, past every policy: the peer's tables, and what only a benchmark asks."""
    return create_engine(make_url(admin_url(system.settings)).set(database=DATABASE_NAME))


def await_until(happens: Callable[[], bool], *, seconds: float) -> float | None:
    """Seconds until it happened; None when it didn't by then."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        if happens():
            return passed
        time.sleep(_POLL_SECONDS)
    return None


def await_commits(side: Side, brands: Brands, *, seconds: float = COMMIT_SECONDS) -> float | None:
    """Seconds until every brand is committed; None when they aren't by then."""
    return await_until(lambda: side.outcome(brands).committed == len(brands), seconds=seconds)


def await_settled(sqs: SqsServer, queue: str, *, seconds: float) -> bool:
    """Whether every message of the queue was deleted by then."""

    def is_settled() -> bool:
        counts = sqs.counts().get(queue, {})
        return counts.get("deleted", 0) >= counts.get("sent", 0) > 0

    return await_until(is_settled, seconds=seconds) is not None


def check(side: Side, brands: Brands, *, failed: int) -> None:
    """Every ad is there, every picture that exists is stored under its hash; or the run is void."""
    urls = urls_of(brands)
    outcome = side.outcome(brands)
    missing = {sha256_of(url) for url in urls if "/gone/" not in url} - outcome.stored
    if (outcome.ads, outcome.failed, len(missing)) != (len(urls), failed, 0):
        sys.exit(
            f"void, the record is not whole: {outcome.ads} ads of {len(urls)}, {outcome.failed} failed, "
            f"{len(missing)} pictures missing"
        )


def urls_of(brands: Brands) -> list[str]:
    """All of them."""
    return [url for urls in brands.values() for url in urls]
