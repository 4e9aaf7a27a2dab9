"""A database of any size for the benchmarks of reading, filled in minutes by the server itself (``market.sql``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from sqlalchemy import Engine

ADS_OF_A_BRAND, WAVES, SCANS = 50, 10, 19
_PER_WAVE = ADS_OF_A_BRAND // WAVES
_SYLLABLES = (
    *("run", "free", "ship", "deal", "glow", "fast", "new", "home"),
    *("best", "day", "cup", "air", "soft", "kind", "true", "bold"),
)
_STATEMENTS = Path(__file__).with_name("market.sql")


@dataclass(frozen=True, slots=True)
class Market:
    """``ads`` of as many brands as give 50 to each; each ad is seen by ``observed`` of its brand's 19 weekly scans."""

    ads: int
    observed: int = 10
    watched: int = 8

    @property
    def brands(self) -> int:
        """All of them."""
        return self.ads // ADS_OF_A_BRAND

    @property
    def watched_slugs(self) -> list[str]:
        """The brands of the brandspace ``watched``, spread over the market."""
        return [f"brand-{place * self.brands // self.watched:06}" for place in range(self.watched)]


def fill(administrator: Engine, market: Market) -> None:
    """Fill an empty, migrated database and let PostgreSQL look at it (ANALYZE)."""
    assert market.ads % (ADS_OF_A_BRAND * WAVES) == 0, "the waves must be whole"
    statements = Template(_STATEMENTS.read_text(encoding="utf-8")).substitute(
        ads=market.ads,
        brands=market.brands,
        scans=SCANS,
        observed=market.observed,
        per_wave=_PER_WAVE,
        contents_per_wave=(_PER_WAVE + 1) // 2,
        syllables=",".join(f"''{syllable}''" for syllable in _SYLLABLES),
        watched=",".join(f"'{slug}'" for slug in market.watched_slugs),
    )
    with administrator.connect().execution_options(isolation_level="AUTOCOMMIT", no_parameters=True) as connection:
        connection.detach()  # closed afterwards, with its settings and its temporary table
        connection.exec_driver_sql(statements)
        connection.exec_driver_sql("VACUUM ANALYZE")
