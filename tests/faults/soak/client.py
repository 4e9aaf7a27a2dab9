"""Who asks: imports of own brands through the command's door, and sample brands through the HTTP API.

It notes what it is going to ask before it asks, and asks again until it is told that it was accepted. So what was
accepted is known, and so is what may have been.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import urllib3

from core.bootstrap import SAMPLE_AS_OF, Services
from core.domain.ad import AdFormat, AdRecord, AdVersion
from core.domain.media import MediaRef, MediaRole
from core.domain.principal import LOCAL_PRINCIPAL
from core.errors import MediaProblemError, RetryableError
from core.pipeline.imports import Importer
from core.sources.sample import SampleMarket, SampleMediaFetcher
from tests.daemon.support import Daemon, a_key
from tests.faults.soak.elements import elements_of
from tests.faults.soak.history import History
from tests.faults.soak.media import outcome_of

SAMPLE_ADS = 60
_FIRST_DAY = date(2026, 3, 2)
_SAMPLE_SHARE = 0.15
_TEXTS = 40
_PAUSE_SECONDS = 0.2
_ACCEPTED = 202


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing to ask for. ``door`` is "import" or "ingest"."""

    number: int
    door: str
    brand: str
    records: list[AdRecord]


@dataclass
class Workload:
    """An endless series of scans: ``brands`` brands, of each ``urls`` pictures a scan, half of them new each time."""

    brands: int
    urls: int
    seed: int
    address: Callable[[str, int], str]
    market: SampleMarket = field(default_factory=lambda: SampleMarket(as_of=SAMPLE_AS_OF, ads=SAMPLE_ADS))

    def asks(self) -> Iterator[Ask]:
        """In a random order that the seed decides; now and then a brand twice in a row."""
        chance, scans = random.Random(f"{self.seed} client"), [0] * self.brands
        number = 0
        while True:
            number += 1
            if chance.random() < _SAMPLE_SHARE:
                brand = chance.choice(self.market.brands).slug
                today = datetime.now(UTC).date()
                yield Ask(number, "ingest", brand, list(self.market.scan(brand, today)))
            else:
                which = chance.randrange(self.brands)
                scans[which] += 1
                yield Ask(number, "import", f"soak-{which:02}", self.scan(which, scans[which]))

    def scan(self, which: int, scan: int) -> list[AdRecord]:
        """The ``scan``-th scan of a brand: an ad a picture, every fifth with a second one, and some without any."""
        brand, first = f"soak-{which:02}", (scan - 1) * self.urls // 2
        day = _FIRST_DAY + timedelta(days=scan)
        texts = [f"Offer {number}: the shoe you know, {number} % off." for number in range(_TEXTS)]
        texts[0] = f"Scan {scan} of {brand} brings something new."
        ads = []
        for number in range(first, first + self.urls):
            pictures = [number] if number % 5 else [number, number + 1]
            ads.append(_ad(brand, f"{brand}-{number}", day, texts[number % _TEXTS], self._refs(brand, pictures)))
        spoken = [_ad(brand, f"{brand}-text-{first + n}", day, texts[n], ()) for n in range(max(self.urls // 10, 1))]
        return ads + spoken

    def _refs(self, brand: str, pictures: list[int]) -> tuple[MediaRef, ...]:
        return tuple(
            MediaRef(MediaRole.IMAGE, self.address(brand, number), position=position)
            for position, number in enumerate(pictures)
        )

    def outcome(self, url: str) -> str:
        """What a URL gives in the end: the SHA-256 of its bytes, or the status of what can't be had."""
        if not url.startswith("sample://"):
            return outcome_of("/" + url.split("/", 3)[3])
        try:
            with SampleMediaFetcher(self.market).open(url).stream as stream:
                return sha256(stream.read()).hexdigest()
        except MediaProblemError as problem:
            return problem.status.value


def _ad(brand: str, external_id: str, day: date, said: str, media: tuple[MediaRef, ...]) -> AdRecord:
    return AdRecord(
        channel="meta",
        brand_name=brand,
        external_id=external_id,
        scanned_on=day,
        versions=(AdVersion(copy=said, format=AdFormat.IMAGE),),
        media=media,
        raw={"id": external_id, "copy": said},
        lines=(1,),
    )


@dataclass
class Client:
    """Asks in a thread of its own, and never for more than ``most_open`` at a time."""

    workload: Workload
    services: Services
    history: History
    count_open: Callable[[], int]
    most_open: int
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._http = Daemon(self.services.settings, a_key(self.services))
        settings = self.services.settings
        self._importer = Importer(self.services.database, self.services.objects, settings.media_max_bytes)
        self._thread = threading.Thread(target=self._run, name="client", daemon=True)
        self._fault: BaseException | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop_asking(self) -> None:
        """Ask for nothing new; what was asked is asked until it is accepted."""
        self.over.set()

    def is_done(self) -> bool:
        """Whether the last thing asked was accepted. Raises whatever ended the client's thread."""
        if self._fault is not None:
            raise self._fault
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            for ask in self.workload.asks():
                while not self.over.is_set() and self.count_open() >= self.most_open:
                    self.over.wait(_PAUSE_SECONDS)
                if self.over.is_set():
                    return
                self._ask(ask)
        except BaseException as fault:  # told by the thread that waits for this one
            self._fault = fault
        finally:
            self._http.close()

    def _ask(self, ask: Ask) -> None:
        """Until it is accepted: what was refused or never answered is asked again, and may be done twice."""
        elements = sorted(elements_of(ask.records, self.workload.outcome))
        self.history.add("asked", ask=ask.number, door=ask.door, brand=ask.brand, elements=elements)
        while True:
            try:
                request_id = self._import(ask) if ask.door == "import" else self._ingest(ask)
            except (RetryableError, urllib3.exceptions.HTTPError) as error:
                self.history.add("unknown", ask=ask.number, reason=type(error).__name__)
                threading.Event().wait(_PAUSE_SECONDS)
            else:
                self.history.add("accepted", ask=ask.number, request_id=request_id)
                return

    def _import(self, ask: Ask) -> str:
        return self._importer.import_records(LOCAL_PRINCIPAL, ask.records, [], scope="shared", name=ask.brand)

    def _ingest(self, ask: Ask) -> str:
        answer = self._http.post("/api/v1/ingest", {"brand": ask.brand})
        if answer.status != _ACCEPTED:
            raise _RefusedError(f"{answer.status}: {answer.body[:200]!r}")
        accepted: dict[str, Any] = answer.json
        return str(accepted["request_id"])


class _RefusedError(RetryableError):
    """The API said no: it was not accepted."""
