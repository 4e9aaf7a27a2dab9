"""The sample market's planted truth measures the labels only while neither knows the other's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
import yaml

from core.ai.taxonomy import TAXONOMY
from core.sources.records import labelled_text
from core.sources.sample import SampleMarket
from tests.architecture.product_code import ROOT, imports_of, read_modules

GENERATOR, LABELS = "core/sources/sample", "core/ai"
AS_OF = date(2025, 6, 30)


def words_of(text: str) -> str:
    """Lower case, one space between words, nothing else: `` a b c `` with a space at either end."""
    words = " ".join(re.findall(r"[^\W_]+", text.casefold()))
    return f" {words} "


@pytest.fixture(scope="module")
def copies() -> str:
    """Everything the sample market says, as words."""
    market = SampleMarket(seed=7, as_of=AS_OF, ads=2500)
    records = (record for brand in market.brands for record in market.scan(brand.slug, AS_OF))
    return "\n".join(sorted({words_of(labelled_text(version)) for record in records for version in record.versions}))


def taxonomy_texts(kind: str) -> Iterator[str]:
    for path in sorted(TAXONOMY.glob("*.yaml")):
        for value in yaml.safe_load(path.read_text(encoding="utf-8")).get("values", {}).values():
            for texts in value.get(kind, {}).values():
                yield from texts


@pytest.mark.parametrize(("one", "other"), [(GENERATOR, "core.ai"), (LABELS, "core.sources.sample")])
def test_neither_imports_the_other(one: str, other: str) -> None:
    modules = [module for module in read_modules() if module.is_in(one)]

    assert modules
    assert [f"{m.path}:{i.line}" for m in modules for i in imports_of(m) if i.is_of(other)] == []


@pytest.mark.parametrize(("one", "forbidden"), [(GENERATOR, r"taxonom(y|ies)[./]|v\d/"), (LABELS, r"sources.sample")])
def test_neither_reads_the_others_files(one: str, forbidden: str) -> None:
    files = [file for file in (ROOT / one).rglob("*") if file.suffix in {".py", ".yaml", ".json", ".toml"}]

    assert [file.name for file in files if re.search(forbidden, file.read_text(encoding="utf-8"))] == []


def test_no_example_sentence_stands_in_sample_copy(copies: str) -> None:
    sentences = [words_of(sentence) for sentence in taxonomy_texts("prototypes")]

    assert len(sentences) > 300
    assert [sentence for sentence in sentences if sentence in copies] == []


def test_no_literal_of_four_words_in_a_rule_stands_in_sample_copy(copies: str) -> None:
    literals = {
        words_of(run)
        for rule in taxonomy_texts("rules")
        for run in re.findall(r"(?<![\\\w])[^\W\d_](?:[^\W\d_]|[ '])*", rule)
        if len(run.split()) >= 4
    }

    assert literals
    assert sorted(literal for literal in literals if literal in copies) == []
