"""Stored labels beside planted truth, people, a second reading and simple rules: what is kept, and for whom."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from core.adapters.postgres import schema
from core.adapters.postgres.content_store import mark_labelled, store_labels
from core.adapters.postgres.engine import Database
from core.ai.labelling import LabelInput, TextLabeller
from core.ai.quality_verdicts import Standing
from core.ai.taxonomy import load_taxonomy
from core.curation.brandspaces import create_brandspace
from core.domain.identity import content_identity
from core.domain.label import Label, Provenance
from core.domain.principal import Principal, Role
from core.domain.quality import Basis, Measure, Statistic
from core.errors import BadInputError, NotAllowedError, NotFoundError
from core.measuring.cross_checks import check_by_rules
from core.measuring.people import measure_by_people, sheet_to_judge
from core.measuring.planted import measure_planted
from core.measuring.replay import LocalReader, replay
from core.queries.label_quality import label_verdicts, newest_measures
from core.sources.golden_sets import COLUMNS
from core.sources.records import text_hash
from tests.builders import AnAd, store

OURS, THEIRS = Principal("ours"), Principal("theirs")
TEXTS = (
    "Save 20% on every order this week.",
    "Free shipping on all our coffee beans.",
    "Start your free trial today.",
    "Do you know how good mornings can taste?",
)


@cache
def labeller() -> TextLabeller:
    return TextLabeller(load_taxonomy())


def store_texts(database: Database, texts: Sequence[str], *, scope: str = "shared", **changed: Sequence[Label]) -> None:
    """Read by rules, as a worker would have; ``changed``: other labels of text number ``text_0``, ``text_1`` …"""
    labels = labeller().label([LabelInput(each) for each in texts])
    ids = [content_identity(text_hash(each), "") for each in texts]
    rows = [
        {"scope": scope, "content_id": one, "text_hash": text_hash(each), "text": each, "cta": ""}
        for one, each in zip(ids, texts, strict=True)
    ]
    for number, of_text in enumerate(labels):
        others = list(changed.get(f"text_{number}", ()))
        replaced = {label.dimension for label in others}
        of_text[:] = [label for label in of_text if label.dimension not in replaced] + others
    with database.worker(scope) as connection:
        connection.execute(insert(schema.content), rows)
        store_labels(connection, scope=scope, labels=dict(zip(ids, labels, strict=True)))
        mark_labelled(connection, scope=scope, content_ids=ids, taxonomy_version=labeller().taxonomy.version)


def said(dimension: str, value: str, **made: str) -> Label:
    version = labeller().taxonomy.version
    how = {"method": "rules", "method_version": "1", "model": "local-heuristics", "taxonomy_version": version} | made
    return Label(dimension, value, 0.9, Provenance(**how))  # type: ignore[arg-type]


def figure(measures: Sequence[Measure], dimension: str, statistic: Statistic, value: str | None = None) -> Measure:
    (found,) = [m for m in measures if (m.dimension, m.statistic, m.value) == (dimension, statistic, value)]
    return found


def golden(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "golden.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({"dimension": "offer", "annotator": "anna"} | row for row in rows)
    return path


def stored(database: Database, scope: str) -> list[dict[str, Any]]:
    with database.worker(scope) as connection:
        return [dict(row._mapping) for row in connection.execute(select(schema.label_quality))]


# --- planted truth --------------------------------------------------------------------------------------


def test_labels_are_measured_against_what_was_planted_and_everybody_sees_how_good_they_are(database: Database) -> None:
    store_texts(database, TEXTS)
    truth = {
        text_hash(TEXTS[0]): {"offer": ["percent_off"]},
        text_hash(TEXTS[1]): {"offer": ["free_shipping"]},
        text_hash(TEXTS[2]): {"offer": ["gift"]},  # the label says free_trial
        text_hash("never stored"): {"offer": ["gift"]},
    }
    found = measure_planted(database, OURS, labeller().taxonomy, truth)
    assert found.texts == 3
    same = figure(found.measures, "offer", Statistic.AGREEMENT)
    assert (same.n, same.estimate, same.basis) == (3, pytest.approx(2 / 3), Basis.PLANTED)
    assert "sample data" in same.set_name
    assert figure(found.measures, "offer", Statistic.RECALL, "gift").estimate == 0
    assert same.method == "rules (local-heuristics)"
    (example,) = figure(found.measures, "offer", Statistic.KAPPA).details["examples"]
    assert (example["given"], example["true"], example["excerpt"]) == (["free_trial"], ["gift"], TEXTS[2])
    assert {m.dimension for m in newest_measures(database, THEIRS)} == {"offer"}


def test_confidence_is_calibrated_against_the_truth(database: Database) -> None:
    store_texts(
        database, TEXTS[:2], text_0=[said("offer", "percent_off")], text_1=[said("offer", "bundle")]
    )  # 0.9 each
    truth = {text_hash(TEXTS[0]): {"offer": ["percent_off"]}, text_hash(TEXTS[1]): {"offer": ["gift"]}}
    found = measure_planted(database, OURS, labeller().taxonomy, truth).measures
    error = figure(found, "offer", Statistic.CALIBRATION_ERROR)
    assert (error.basis, error.n, error.estimate) == (Basis.CALIBRATION, 2, pytest.approx(0.4))
    assert error.details["bins"][0]["n"] == 2


def test_without_sample_ads_there_is_nothing_to_measure(database: Database) -> None:
    with pytest.raises(NotFoundError, match="no sample ad has been read"):
        measure_planted(database, OURS, labeller().taxonomy, {text_hash(TEXTS[0]): {"offer": ["gift"]}})


# --- people ---------------------------------------------------------------------------------------------


def test_people_judge_stored_texts_and_new_ones(database: Database, tmp_path: Path) -> None:
    store_texts(database, TEXTS[:1], text_0=[said("offer", "gift")])
    path = golden(
        tmp_path,
        {"text": f"  {TEXTS[0]} ", "values": "percent_off"},  # stored, where it says gift
        {"text": TEXTS[1], "values": "free_shipping"},  # read now
        {"text": TEXTS[2], "values": ""},
    )
    found = measure_by_people(database, OURS, labeller(), path)
    assert figure(found.measures, "offer", Statistic.AGREEMENT).estimate == 0.5
    assert figure(found.measures, "offer", Statistic.AGREEMENT).set_name == "golden"
    assert found.remarks == ("1 judgements left out: not judged yet",)


def test_what_people_say_stays_with_their_organisation(database: Database, tmp_path: Path) -> None:
    measure_by_people(database, OURS, labeller(), golden(tmp_path, {"text": TEXTS[0], "values": "percent_off"}))
    assert newest_measures(database, OURS)
    assert not newest_measures(database, THEIRS)


def test_an_ad_names_what_was_judged(database: Database, tmp_path: Path) -> None:
    words = AnAd("1", copy=TEXTS[0], labels={"offer": ("gift",)})
    picture = AnAd("2", copy="x", sha256="c" * 64, labels={"offer": ("none",)})
    store(database, words, picture)
    with database.worker("shared") as connection:
        cover = {"scope": "shared", "content_id": "c" * 64, "kind": "picture", "text_hash": "", "text": "", "cta": ""}
        connection.execute(insert(schema.content).values(cover))
        store_labels(connection, scope="shared", labels={"c" * 64: [said("visual_shape", "square")]})
    path = golden(
        tmp_path,
        {"ad_id": words.ad_id, "values": "gift"},
        {"ad_id": picture.ad_id, "dimension": "visual_shape", "values": "square"},
    )
    found = measure_by_people(database, OURS, labeller(), path).measures
    assert figure(found, "offer", Statistic.AGREEMENT).estimate == 1
    assert figure(found, "visual_shape", Statistic.AGREEMENT).estimate == 1


def test_a_row_that_names_nothing_is_named_by_line_and_nothing_is_kept(database: Database, tmp_path: Path) -> None:
    private = AnAd("1", scope="theirs", labels={"offer": ("gift",)})
    silent = AnAd("2", copy="")
    store(database, private, silent, AnAd("3", copy=TEXTS[0], labels={"offer": ("gift",)}))
    path = golden(
        tmp_path,
        {"text": TEXTS[0], "values": "gift"},
        {"ad_id": private.ad_id, "values": "gift"},
        {"ad_id": silent.ad_id, "values": "gift"},
        {"ad_id": AnAd("3").ad_id, "text": "something else", "values": "gift"},
        {"text": "x", "dimension": "visual_shape", "values": "square"},
        {"text": "y", "values": "junk"},
    )
    with pytest.raises(BadInputError, match="line 7: values: 'junk'"):
        measure_by_people(database, OURS, labeller(), path)
    path.write_text(path.read_text().rsplit("\n", 2)[0] + "\n")
    with pytest.raises(BadInputError) as caught:
        measure_by_people(database, OURS, labeller(), path)
    told = str(caught.value)
    assert "line 3: there is no ad" in told
    assert "line 4: this ad has no text" in told
    assert "line 5: the ad doesn't say this text" in told
    assert "line 6: what a picture shows belongs to an ad" in told
    assert not stored(database, "ours")


def test_several_people_are_compared_and_their_majority_is_right(database: Database, tmp_path: Path) -> None:
    judged = [("anna", "percent_off", "gift"), ("ben", "percent_off", "gift"), ("cleo", "gift", "bundle")]
    rows = [
        {"text": TEXTS[number], "annotator": name, "values": values[number]}
        for name, *values in judged
        for number in range(2)
    ]
    found = measure_by_people(database, OURS, labeller(), golden(tmp_path, *rows)).measures
    assert figure(found, "offer", Statistic.AGREEMENT).estimate == 0.5  # percent_off is right, gift isn't free_shipping
    between = figure(found, "offer", Statistic.BETWEEN_PEOPLE)
    assert (between.n, between.details["annotators"]) == (2, 3)
    # anna–ben: 1; anna–cleo and ben–cleo: percent_off 0, gift −1, bundle 0
    assert between.estimate == pytest.approx((1 - 1 / 3 - 1 / 3) / 3)


def test_where_people_disagree_nothing_is_right(database: Database, tmp_path: Path) -> None:
    rows = [
        {"text": TEXTS[0], "annotator": "anna", "values": "percent_off"},
        {"text": TEXTS[0], "annotator": "ben", "values": "gift"},
        {"text": TEXTS[1], "annotator": "anna", "values": "free_shipping"},
    ]
    found = measure_by_people(database, OURS, labeller(), golden(tmp_path, *rows))
    assert figure(found.measures, "offer", Statistic.AGREEMENT).n == 1
    assert "1 judgements left out: people disagree" in found.remarks


def test_a_sheet_holds_texts_of_every_brand_without_what_the_machine_said(database: Database) -> None:
    ads = [AnAd(f"{brand}{n}", brand, copy=f"{brand} {n}", labels={"offer": ("gift",)}) for brand in ("acme", "bolt")
           for n in range(1 if brand == "bolt" else 9)]  # fmt: skip
    store(database, *ads, AnAd("private", "coda", "theirs", copy="secret", labels={"offer": ("gift",)}))
    sheet = sheet_to_judge(database, OURS, ["offer", "hook"], size=4, seed=3).decode("utf-8-sig")
    rows = list(csv.DictReader(sheet.splitlines()))
    assert len(rows) == 8
    assert {row["text"].split()[0] for row in rows} == {"acme", "bolt"}
    assert "gift" not in sheet
    assert {row["values"] for row in rows} == {""}
    assert sheet == sheet_to_judge(database, OURS, ["offer", "hook"], size=4, seed=3).decode("utf-8-sig")


def test_a_sheet_can_be_of_the_brands_one_watches(database: Database) -> None:
    brands = ("acme", "bolt", "coda")
    store(database, *(AnAd(brand, brand, copy=f"{brand} says", labels={"offer": ("gift",)}) for brand in brands))
    ours = create_brandspace(database, OURS, name="Ours", competitors=["acme", "bolt"]).brandspace_id

    def judged(**of: Any) -> set[str]:
        sheet = sheet_to_judge(database, OURS, ["offer"], size=50, seed=3, **of).decode("utf-8-sig")
        return {row["text"].split()[0] for row in csv.DictReader(sheet.splitlines())}

    assert judged(brands=["acme", "coda"]) == {"acme", "coda"}
    assert judged(brandspace=ours) == {"acme", "bolt"}
    assert judged(brandspace=ours, brands=["acme"]) == {"acme"}
    with pytest.raises(NotFoundError, match="'nosuch'"):
        judged(brands=["nosuch"])
    with pytest.raises(NotFoundError, match="nothing to judge"):
        judged(brandspace=ours, brands=["coda"])


# --- replay ---------------------------------------------------------------------------------------------


def again(database: Database, **options: Any) -> Any:
    reader = LocalReader(labeller())
    settings = {"size": 100, "seed": 1, **options}
    return replay(database, OURS, labeller().taxonomy, reader, "shared", **settings)


def test_local_heuristics_read_the_same_again_and_change_nothing(database: Database) -> None:
    store_texts(database, TEXTS)
    with database.worker("shared") as connection:
        before = connection.execute(select(schema.label)).all()
    found = again(database)
    assert found.texts == len(TEXTS)
    shares = {m.dimension: m.estimate for m in found.measures if m.statistic is Statistic.AGREEMENT}
    assert set(shares) == {*labeller().taxonomy.of_words, "language"}
    assert set(shares.values()) == {1.0}
    with database.worker("shared") as connection:
        assert connection.execute(select(schema.label)).all() == before


def test_what_moved_is_told(database: Database) -> None:
    store_texts(database, TEXTS, text_0=[said("offer", "gift")])
    found = again(database).measures
    assert figure(found, "offer", Statistic.AGREEMENT).estimate == 0.75
    (moved,) = figure(found, "offer", Statistic.KAPPA).details["examples"]
    assert (moved["given"], moved["true"]) == (["gift"], ["percent_off"])
    assert not [m for m in found if m.statistic in {Statistic.PRECISION, Statistic.CALIBRATION_ERROR}]
    assert label_verdicts(database, THEIRS, "offer").dimension.standing is Standing.BELOW


def test_where_nothing_was_read_in_this_way_nothing_is_replayed(database: Database) -> None:
    with pytest.raises(NotFoundError, match="nothing to replay"):
        again(database)


def test_labels_made_otherwise_are_passed_over(database: Database) -> None:
    changed = [
        said("offer", "gift", method="words", model="openai/x"),
        said("hook", "story", taxonomy_version="v0-old"),
    ]
    store_texts(database, TEXTS[:1], text_0=changed)
    found = again(database)
    assert {m.dimension for m in found.measures}.isdisjoint({"offer", "hook"})
    assert len(found.remarks) == 2
    assert "1 labels of offer: read by words" in found.remarks


def test_the_same_seed_draws_the_same_sample(database: Database) -> None:
    store_texts(database, TEXTS, text_0=[said("offer", "gift")])
    first, same = (again(database, size=2, seed=5).measures for _ in range(2))
    assert [replace(m, details={}) for m in first] == [replace(m, details={}) for m in same]
    assert again(database, size=2, seed=5).texts == 2


# --- rules ----------------------------------------------------------------------------------------------


def test_rules_show_where_a_label_may_be_wrong(database: Database) -> None:
    store_texts(database, TEXTS, text_0=[said("offer", "none")])
    results = {result.check.name: result for result in check_by_rules(database, OURS, "shared")}
    percentage = results["a percentage off is labelled"]
    assert (percentage.n, percentage.disagreeing) == (1, 1)
    assert "20%" in percentage.examples[0].excerpt
    (kept,) = [m for m in newest_measures(database, THEIRS) if m.set_name == "a percentage off is labelled"]
    assert (kept.basis, kept.estimate, kept.n) == (Basis.RULES, 0.0, 1)
    assert kept.details["examples"][0]["content_id"] == content_identity(text_hash(TEXTS[0]), "")


def test_each_scope_is_checked_by_itself(database: Database) -> None:
    store_texts(database, TEXTS[:1], scope="ours")
    check_by_rules(database, OURS, "ours")
    assert newest_measures(database, OURS)
    assert not newest_measures(database, THEIRS)
    with pytest.raises(NotFoundError, match="nothing to check"):
        check_by_rules(database, OURS, "shared")


# --- all ------------------------------------------------------------------------------------------------


def test_the_newest_of_a_kind_holds_and_the_older_are_kept(database: Database) -> None:
    store_texts(database, TEXTS)
    again(database, seed=1)
    kinds = {(m.dimension, m.value, m.statistic) for m in newest_measures(database, OURS)}
    again(database, seed=1)
    newest = newest_measures(database, OURS)
    assert {(m.dimension, m.value, m.statistic) for m in newest} == kinds
    assert len(newest) == len(kinds)
    assert len(stored(database, "shared")) == 2 * len(kinds)


def test_an_organisations_own_measures_come_first(database: Database, tmp_path: Path) -> None:
    store_texts(database, TEXTS)
    measure_by_people(database, OURS, labeller(), golden(tmp_path, {"text": TEXTS[0], "values": "percent_off"}))
    again(database)
    mine = [m.is_own for m in newest_measures(database, OURS, "offer") if m.value is None]
    assert mine == sorted(mine, reverse=True)
    assert len(set(mine)) == 2


def test_who_measured_what_is_on_record(database: Database) -> None:
    store_texts(database, TEXTS)
    check_by_rules(database, OURS, "shared")
    with database.reader(OURS) as connection:
        (row,) = connection.execute(text("SELECT actor, action, subject, details FROM audit"))
    assert (row.actor, row.action, row.subject) == ("command-line", "labels.measure", "shared")
    assert row.details["bases"] == ["rules"]


def test_a_viewer_measures_nothing(database: Database, tmp_path: Path) -> None:
    viewer = Principal("ours", Role.VIEWER)
    with pytest.raises(NotAllowedError):
        check_by_rules(database, viewer, "shared")
    with pytest.raises(NotAllowedError):
        measure_planted(database, viewer, labeller().taxonomy, {})
    with pytest.raises(NotAllowedError):
        measure_by_people(database, viewer, labeller(), tmp_path / "none.csv")
