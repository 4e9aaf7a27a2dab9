"""What the simulated pipeline works on: sources, items with a fate each, a record writer and a reader that counts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from core.domain.ad import AdRecord, AdVersion
from core.domain.media import MediaRef, MediaRole, MediaStatus
from core.domain.run import ItemResult, ItemState, Run
from core.errors import RetryableError, TerminalError
from core.messages import AiPhaseMessage, PictureMessage, UrlMessage
from core.pipeline.acquire import failed, item_id_of
from core.pipeline.ai_phase import AiPhase, KeepAlive
from core.pipeline.store import Transaction
from tests.faults.simulation.history import History, Row
from tests.faults.simulation.knobs import Knobs
from tests.faults.simulation.scheduler import Process, ProcessDiedError, Scheduler

_DAY = date(2026, 3, 2)
_FATES = ("fine",) * 12 + ("slow", "gone", "gone", "flaky", "never", "bug", "poison")
_SIZES = (0, 0, 1, 1, 2, 3, 5, 8, 11)
_READING_STEPS = 3


class PlantedFaultError(Exception):
    """An error nobody expects, raised by an item on purpose."""


@dataclass
class Market:
    """What sources would show, and what becomes of each URL; drawn once a seed."""

    ads: dict[tuple[str, str], list[AdRecord]] = field(default_factory=dict)  # (source, brand)
    fates: dict[str, str] = field(default_factory=dict)
    attempts: int = 0

    @classmethod
    def draw(cls, seed: int, brands: list[str]) -> Market:
        """Sources a and b know every brand; only b may show nothing."""
        dice = random.Random(f"market {seed}")
        market = cls()
        for brand in brands:
            urls = [f"https://{brand}.example/{n}.png" for n in range(dice.choice(_SIZES))]
            market.fates |= {url: dice.choice(_FATES) for url in urls}
            for source in "ab":
                shown = urls if source == "a" else urls[: len(urls) // 2]
                market.ads["source-" + source, brand] = [_ad(brand, source, url) for url in shown]
        return market


def _ad(brand: str, source: str, url: str) -> AdRecord:
    media = (MediaRef(MediaRole.IMAGE, url=url),)
    return AdRecord("sample", f"{source} {url}", brand, _DAY, (AdVersion(copy=url),), media=media)


@dataclass(frozen=True)
class Source:
    """A SourceEngine."""

    name: str
    market: Market
    scheduler: Scheduler
    is_hostile: Mapping[str, bool]

    def knows(self, brand_slug: str) -> bool:
        """Only what is on the market."""
        return (self.name, brand_slug) in self.market.ads

    def scan(self, brand_slug: str) -> Iterator[AdRecord]:
        """Every ad; sometimes the source is away."""
        self.scheduler.step(f"scan {self.name} for {brand_slug}")
        if self.is_hostile["now"] and self.scheduler.chance(0.1):
            raise RetryableError("the source is away") if self.scheduler.chance(0.7) else TerminalError("no access")
        yield from self.market.ads[self.name, brand_slug]


@dataclass(frozen=True)
class Documents:
    """A DocumentStore that keeps nothing."""

    scheduler: Scheduler

    def put_many(self, scope: str, collection: str, documents: Any) -> int:
        """Counts them."""
        self.scheduler.step(f"documents {scope} {collection}")
        return len(list(documents))


@dataclass(frozen=True)
class Acquirer:
    """In place of core.pipeline.acquire.Acquirer: an item's fate decides."""

    scheduler: Scheduler
    process: Process
    knobs: Knobs
    market: Market

    def acquire(self, message: UrlMessage) -> ItemResult:
        """A result that names its run and attempt."""
        fate = self.market.fates[message.url]
        self.market.attempts += 1
        attempt = self.market.attempts
        self.scheduler.step(f"fetch {message.url} ({fate})")
        match fate:
            case "slow":
                self.scheduler.pause(self.knobs.visibility_seconds * 1.5)
            case "gone":
                return failed(message, MediaStatus.REMOVED, "gone")
            case "flaky" if attempt % 3:
                raise RetryableError("the server is busy")
            case "never":
                raise RetryableError("the server is away")
            case "bug":
                raise PlantedFaultError("a fault of ours")
            case "poison":
                self.scheduler.kill(self.process)
                raise ProcessDiedError(self.process.name)
        facts = {"batch": message.batch_id, "attempt": attempt}
        return ItemResult(item_id_of(message), message.url, ItemState.OK, MediaStatus.OK, None, facts)


def write_record(store: Transaction, run: Run) -> dict[str, Any]:
    """In place of core.pipeline.record.write_record: a row per result, appended, so that twice would be seen."""
    rows = [Row(run.batch_id, result.item_id, result) for result in store.items.results(run.batch_id)]
    ads = list(store.items.records(run.batch_id))
    connection: Any = store.connection
    connection.extend(rows)
    return {"ads": len(ads)}


@dataclass(frozen=True)
class Reader:
    """In place of core.pipeline.enrich.Enricher: reads in a few steps, each of which keeps the claim."""

    scheduler: Scheduler
    history: History
    phase: AiPhase

    def read_by_rules(self, message: AiPhaseMessage) -> int:
        """Twice does no harm."""
        self.scheduler.step(f"read {message.brand} by rules")
        return 0

    def read_closely(self, message: AiPhaseMessage) -> int:
        """As the product does."""
        assert message.batch_id is not None
        return self.phase.read(message.batch_id, self._read)

    def _read(self, run: Run, keep_alive: KeepAlive) -> int:
        self.history.reading(run.batch_id)
        for _ in range(_READING_STEPS):
            self.scheduler.step("read closely")
            keep_alive()
        return 1


@dataclass(frozen=True)
class Pictures:
    """In place of core.pipeline.pictures.PictureReader: what it does is in no history, only that its messages end."""

    scheduler: Scheduler

    def read(self, message: PictureMessage) -> bool:
        """Nothing is left."""
        self.scheduler.step(f"read pictures of {message.brand}")
        return True
