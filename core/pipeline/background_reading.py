"""What comes for analysed brands is read by models in the background, while nobody waits for an analysis.

It repeats; nothing is queued for it: what waits stands in the contents themselves. A budget that is spent, a provider
that rests or a key that is missing only lets it rest for a while, so that nothing is lost and nothing counts as failed.
What goes wrong with one brand, whatever it is, lets that brand rest alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from core.adapters.postgres.analysis_store import is_anybody_waiting
from core.adapters.postgres.asked_contents import AnalysedBrand, analysed_brands
from core.errors import BudgetSpentError, NotAllowedError, QuotaSpentError, RetryableError, ThrottledError
from core.observability.logs import get_logger
from core.pipeline.model_reading import ModelReader, Task

_log = get_logger(__name__)
_NOTHING_NEW_SECONDS = 20.0  # until a brand of which all is read is looked at again
_BUDGET_SECONDS = 60.0  # until somebody may have raised it, or the day has turned
_TROUBLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class BackgroundReader:
    """One of a process; several processes share the work by the contents' claims."""

    reader: ModelReader
    monotonic: Callable[[], float] = time.monotonic
    resting: dict[str | AnalysedBrand, float] = field(default_factory=dict)  # a brand, a payer or "models" → until when

    def read_waiting(self) -> int:
        """A batch of each analysed brand that has something to read; returns how many contents."""
        if self.reader.models is None or self._rests("models") or self.reader.is_stopping():
            return 0
        with self.reader.database.machinery() as connection:
            if is_anybody_waiting(connection):
                return 0
            brands = analysed_brands(connection)
        return sum(self._read(brand) for brand in brands)

    def _read(self, brand: AnalysedBrand) -> int:
        if any(self._rests(part) for part in ("models", f"payer {brand.payer}", brand)):
            return 0
        try:
            self.reader.ask_for(brand.scope, brand.brand_slug)
            count = self.reader.read_batch(Task(brand.scope, brand.brand_slug, brand.payer))
        except BudgetSpentError as error:
            _log.info("contents wait for a budget", organisation=brand.payer, reason=str(error))
            self._rest(f"payer {brand.payer}", _BUDGET_SECONDS)
        except (ThrottledError, QuotaSpentError, NotAllowedError) as error:  # of every provider there is
            seconds = error.retry_after_seconds if isinstance(error, ThrottledError) else _TROUBLE_SECONDS
            _log.warning("contents wait for the models", brand=brand.brand_slug, reason=str(error))
            self._rest("models", seconds)
        except RetryableError as error:
            _log.warning("contents wait", brand=brand.brand_slug, reason=str(error))
            self._rest(brand, _TROUBLE_SECONDS)
        except Exception:  # here a brand's turn ends: the others have theirs
            _log.exception("a brand's contents can't be read", brand=brand.brand_slug)
            self._rest(brand, _TROUBLE_SECONDS)
        else:
            if not count:
                self._rest(brand, _NOTHING_NEW_SECONDS)
            return count
        return 0

    def _rests(self, part: str | AnalysedBrand) -> bool:
        return self.resting.get(part, 0.0) > self.monotonic()

    def _rest(self, part: str | AnalysedBrand, seconds: float) -> None:
        self.resting[part] = self.monotonic() + seconds
