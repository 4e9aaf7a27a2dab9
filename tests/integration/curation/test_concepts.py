"""Concepts corrected by people: theirs alone, kept by every later scan, taken back as they were made."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.adapters.postgres.variant_store import Models
from core.ai.concepts import Sizes
from core.curation.concepts import merge_concepts, split_concept, take_merge_back, take_split_back
from core.domain.principal import Principal, Role
from core.errors import BadInputError, ConflictError, NotAllowedError, NotFoundError
from core.pipeline.grouping import Grouping
from core.queries.conditions import matching
from core.queries.filters import AdFilters
from core.queries.seen_concepts import grouped_ads, seen_concept, seen_variant
from core.queries.units import units_of
from tests.builders import AnAd, store

US, OTHERS = Principal("ours"), Principal("others")
Seen = dict[str, str]  # variant → concept


def scan(database: Database, brand: str, pictures: Sequence[int], *, first: int = 0) -> None:
    """New ads without words; two are alike where their pictures differ in few bits."""
    ads = [
        AnAd(f"{brand}{first + place}", brand, copy="", sha256=f"{brand}{first + place}")
        for place in range(len(pictures))
    ]
    store(database, *ads)
    with database.worker("shared") as connection:
        for item, bits in zip(ads, pictures, strict=True):
            mine = schema.creative.c.sha256 == item.sha256
            connection.execute(update(schema.creative).where(mine).values(perceptual_hash=bits, colours=[]))
    grouping = Grouping(database, Models("visual", "words"), Sizes(2, 2))
    grouping.form_variants("shared", brand)
    grouping.join_concepts("shared", brand)


def seen(database: Database, who: Principal, brand: str = "acme") -> Seen:
    with database.reader(who) as connection:
        statement = select(seen_variant, seen_concept).select_from(grouped_ads).where(schema.ad.c.brand_slug == brand)
        return {variant: concept for variant, concept in connection.execute(statement)}


def together(seen: Seen) -> list[set[str]]:
    """The variants of each concept, by the smallest."""
    concepts: dict[str, set[str]] = {}
    for variant, concept in seen.items():
        concepts.setdefault(concept, set()).add(variant)
    return sorted(concepts.values(), key=min)


def test_a_split_takes_variants_out_for_those_who_made_it_alone(database: Database) -> None:
    scan(database, "acme", [0, 1, 3])
    before = seen(database, OTHERS)
    (concept,) = set(before.values())
    founder = concept

    made = split_concept(database, US, concept, variant_ids=[founder])  # even its founder

    assert (made.variant_ids, made.concept_id != concept) == ((founder,), True)
    assert seen(database, US) == before | {founder: made.concept_id}
    assert seen(database, OTHERS) == before
    assert take_split_back(database, US, made.concept_id, variant_ids=[founder]).variant_ids == (founder,)
    assert take_split_back(database, US, concept, variant_ids=[founder]).variant_ids == ()
    assert seen(database, US) == before
    with pytest.raises(NotFoundError):
        take_split_back(database, US, made.concept_id, variant_ids=[founder])  # nothing is left of it


def test_merges_fall_apart_as_they_were_put_together(database: Database) -> None:
    scan(database, "acme", [0, 0xFFFF, 0xFFFF_FFFF])
    a, b, c = sorted(set(seen(database, US).values()))
    machine = seen(database, US)

    merge_concepts(database, US, a, into=b)
    merge_concepts(database, US, b, into=c)
    assert set(seen(database, US).values()) == {c}
    take_merge_back(database, US, b)  # what had been merged into it goes with it

    assert seen(database, US) == {a: b, b: b, c: c}
    assert take_merge_back(database, US, a).variant_ids == (a,)
    assert seen(database, US) == machine == seen(database, OTHERS)
    with database.reader(US) as connection:
        actions = list(connection.execute(select(schema.audit.c.action).order_by(schema.audit.c.audit_id)).scalars())
    assert actions == ["concept.merge", "concept.merge", "concept.merge_back", "concept.merge_back"]


def test_what_can_not_be_corrected_says_so(database: Database) -> None:
    scan(database, "acme", [0, 1])
    scan(database, "zeta", [0])
    (ours,), (zeta,) = set(seen(database, US).values()), set(seen(database, US, "zeta").values())
    every = list(seen(database, US))

    with pytest.raises(BadInputError, match="all of the concept"):
        split_concept(database, US, ours, variant_ids=every)
    with pytest.raises(BadInputError, match="only variants of this concept"):
        split_concept(database, US, ours, variant_ids=[zeta])
    with pytest.raises(BadInputError, match="1 to 500"):
        split_concept(database, US, ours, variant_ids=[])
    with pytest.raises(ConflictError, match="one brand"):
        merge_concepts(database, US, ours, into=zeta)
    with pytest.raises(BadInputError, match="another"):
        merge_concepts(database, US, ours, into=ours)
    with pytest.raises(NotFoundError, match="grouped"):
        merge_concepts(database, US, "nobody's", into=ours)
    with pytest.raises(NotFoundError, match="hasn't merged"):
        take_merge_back(database, US, ours)
    with pytest.raises(NotAllowedError):
        merge_concepts(database, Principal("ours", Role.VIEWER), ours, into=zeta)


_brands = count()
_step = st.one_of(
    st.tuples(st.just("scan"), st.lists(st.integers(0, (1 << 20) - 1), min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["split", "move", "merge", "split back", "merge back"]), st.integers(0, 1 << 16)),
)


class _Said:
    """What our organisation has said, to be compared with what it sees."""

    def __init__(self) -> None:
        self.splits: Seen = {}
        self.merges: dict[str, str] = {}  # as they were said

    def expected(self, machine: Seen) -> Seen:
        def end(concept: str) -> str:
            return end(self.merges[concept]) if concept in self.merges else concept

        return {variant: end(self.splits.get(variant, concept)) for variant, concept in machine.items()}

    def correct(self, database: Database, what: str, luck: int, ours: Seen) -> None:
        """One correction of ``ours``, by luck; nothing where there is nothing to correct."""
        variants, concepts = sorted(ours), sorted(set(ours.values()))
        variant = variants[luck % len(variants)]
        here = ours[variant]
        others = [concept for concept in concepts if concept != here]
        other = others[luck // 7 % len(others)] if others else None
        if what == "split" and list(ours.values()).count(here) > 1:
            self.splits[variant] = split_concept(database, US, here, variant_ids=[variant]).concept_id
        elif what == "move" and other:
            self.splits[variant] = split_concept(database, US, here, variant_ids=[variant], into=other).concept_id
        elif what == "merge" and other:
            self.merges[here] = merge_concepts(database, US, here, into=other).concept_id
        elif what == "split back":
            take_split_back(database, US, here, variant_ids=[variant])
            self.splits.pop(variant, None)
        elif what == "merge back" and self.merges:
            merged = sorted(self.merges)[luck % len(self.merges)]
            take_merge_back(database, US, merged)
            del self.merges[merged]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(_step, min_size=1, max_size=12))
def test_corrections_survive_any_scans_and_are_nobody_elses(
    database: Database, steps: list[tuple[str, object]]
) -> None:
    brand, said, machine, ads = f"b{next(_brands)}x", _Said(), Seen(), 0
    for what, value in [("scan", [0, 1, 0xFFFFF]), *steps]:
        if isinstance(value, list):
            scan(database, brand, value, first=ads)
            ads += len(value)
            now = seen(database, OTHERS, brand)
            assert {variant: now[variant] for variant in machine} == machine  # a machine moves nothing
            machine = now
        elif isinstance(value, int):
            said.correct(database, what, value, seen(database, US, brand))
        ours = seen(database, US, brand)
        assert ours == said.expected(machine)
        assert seen(database, OTHERS, brand) == machine
        assert _counted(database, brand) == [len(variants) for variants in together(ours)]
    assert len(machine) == ads


def _counted(database: Database, brand: str) -> list[int]:
    """Ads by concept, in the order of ``together``; every ad here is a variant."""
    with database.reader(US) as connection:
        units = units_of("concepts", matching(connection, US, "all", AdFilters(brands=(brand,))))
        ads = {row.unit_id: row.ads for row in connection.execute(select(units.c.unit_id, units.c.ads))}
    ours = seen(database, US, brand)
    return [ads[ours[min(variants)]] for variants in together(ours)]
