"""The checker sees what is lost, doubled and invented; a soaked system loses, doubles and invents nothing.

Longer and otherwise: ``make test-faults-soak SECONDS=60 SEED=7``, or ``python -m tests.faults.soak --help``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.figures import tell
from tests.faults.soak.checker import BLAME, Verdict, Witnesses, check
from tests.faults.soak.elements import Element
from tests.faults.soak.soak import Options, Outcome, judge, prepared_soak

SECONDS, SEED = float(os.environ.get("SECONDS", "20")), int(os.environ.get("SEED", "7"))
HEAL_SECONDS = 150

URL, OTHER_URL = "http://media/1.png", "http://media/2.png"
SHA, OTHER_SHA = "a" * 64, "b" * 64
AD: Element = ("ad", "acme", "1")
MEDIUM: Element = ("medium", "1", URL, SHA)
CREATIVE: Element = ("creative", SHA)
SAID: Element = ("said", "acme", "2026-03-02", "1", "hash")
REQUEST: Element = ("request", "r1", "completed")
WHOLE = [AD, MEDIUM, CREATIVE, SAID, REQUEST]


def asked(ask: int, *elements: Element) -> dict[str, Any]:
    return {"what": "asked", "ask": ask, "elements": [list(element) for element in elements]}


def accepted(ask: int, request_id: str) -> dict[str, Any]:
    return {"what": "accepted", "ask": ask, "request_id": request_id}


def got(url: str, kind: str = "good") -> dict[str, Any]:
    return {"what": "got", "url": url, "kind": kind}


def verdict(
    record: Iterable[Element] = WHOLE,
    *,
    client: Iterable[dict[str, Any]] = (asked(1, *WHOLE[:-1]), accepted(1, "r1")),
    media: Iterable[dict[str, Any]] = (got(URL),),
    effects: Iterable[Element] = (("committed", "b1"), ("settled", "b1/i1"), ("read", "b1")),
) -> Verdict:
    return check(Witnesses(list(client), list(media), list(effects), list(record)))


def test_a_record_that_holds_what_was_accepted_is_whole() -> None:
    found = verdict()
    assert found.is_whole
    assert (found.attempts, found.acknowledged, found.committed) == (4, 5, 5)


@pytest.mark.parametrize("missing", WHOLE)
def test_what_was_accepted_and_is_not_there_is_lost(missing: Element) -> None:
    found = verdict([element for element in WHOLE if element != missing])
    assert found.lost == [missing]
    assert not found.is_whole


@pytest.mark.parametrize("twice", WHOLE)
def test_what_is_there_twice_is_duplicated(twice: Element) -> None:
    found = verdict([*WHOLE, twice])
    assert found.duplicated == [twice]
    assert not found.is_whole


@pytest.mark.parametrize("effect", [("committed", "b1"), ("settled", "b1/i1"), ("read", "b1")])
def test_an_effect_that_happened_twice_is_duplicated_though_the_rows_are_the_same(effect: Element) -> None:
    assert verdict(effects=[("committed", "b0"), effect, effect]).duplicated == [effect]


@pytest.mark.parametrize(
    "nobodys", [("ad", "acme", "2"), ("creative", OTHER_SHA), ("said", "acme", "2026-03-03", "1", "hash")]
)
def test_what_nobody_asked_for_is_unexpected(nobodys: Element) -> None:
    found = verdict([*WHOLE, nobodys])
    assert found.unexpected == [nobodys]
    assert not found.is_whole


def test_a_request_that_failed_is_lost() -> None:
    assert verdict([*WHOLE[:-1], ("request", "r1", "failed")]).lost == [REQUEST]


@pytest.mark.parametrize("record", [[*WHOLE, ("ad", "acme", "2"), ("request", "r2", "completed")], WHOLE])
def test_what_was_asked_and_never_accepted_may_be_there_or_not(record: list[Element]) -> None:
    client = [asked(1, *WHOLE[:-1]), accepted(1, "r1"), asked(2, ("ad", "acme", "2"))]
    assert verdict(record, client=client).is_whole


# --- media that fail -------------------------------------------------------------------------------------------------

FAILED: Element = ("medium", "1", URL, "fetch_error")


def test_a_medium_that_the_media_server_failed_is_partial_and_no_loss() -> None:
    found = verdict([AD, FAILED, SAID, REQUEST], media=[got(URL, kind) for kind in ("error", "cut", "error")])
    assert found.is_whole
    assert found.partial == 1


@pytest.mark.parametrize("kinds", [["good"], ["abandoned"] * BLAME, ["error"] * (BLAME - 1)])
def test_a_medium_that_the_media_server_failed_too_seldom_is_lost(kinds: list[str]) -> None:
    found = verdict([AD, FAILED, SAID, REQUEST], media=[got(URL, kind) for kind in kinds])
    assert found.lost == [CREATIVE, MEDIUM]
    assert found.unexpected == [FAILED]


def test_a_failed_medium_excuses_no_other_outcome() -> None:
    wrong: Element = ("medium", "1", URL, "not_attempted")
    assert MEDIUM in verdict([AD, wrong, SAID, REQUEST], media=[got(URL, "error")] * BLAME).lost


def test_a_creative_that_another_medium_shows_is_wanted_all_the_same() -> None:
    other: Element = ("medium", "2", OTHER_URL, SHA)
    client = [asked(1, *WHOLE[:-1], other), accepted(1, "r1")]
    found = verdict([AD, FAILED, other, SAID, REQUEST], client=client, media=[got(URL, "error")] * BLAME)
    assert found.lost == [CREATIVE]


def test_a_url_that_took_more_than_one_execution_and_ended_once_is_recovered() -> None:
    found = verdict(media=[got(URL, "error"), got(URL), got(URL, "abandoned"), got(OTHER_URL)])
    assert found.recovered == 1
    assert found.amplification == 2.0


# --- the system ------------------------------------------------------------------------------------------------------


def soak(options: Options) -> Outcome:
    with prepared_soak(options) as prepared:
        return prepared.run()


@pytest.mark.slow
@pytest.mark.timeout(2 * SECONDS + 2 * HEAL_SECONDS)
@pytest.mark.parametrize("queue", ["postgres", "sqs"])
def test_a_system_that_is_killed_frozen_and_cut_off_loses_and_doubles_nothing(
    queue: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Options(
        tmp_path, seconds=SECONDS, seed=SEED, queue=queue, brands=9, urls=40, workers=2, heal_seconds=HEAL_SECONDS
    )
    outcome = soak(options)
    tell(capsys, "L4", seconds=SECONDS, seed=SEED, queue=queue, **outcome.figures())
    assert outcome.is_good, (outcome.verdict, outcome.undone, outcome.left_behind)
    assert sum(outcome.faults.values()) > 5
    assert judge(tmp_path) == outcome.verdict  # the histories alone tell the same


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("broken", "seen"), [("delete-first", "lost"), ("no-fence", "duplicated")])
def test_a_system_broken_on_purpose_is_seen_to_be(broken: str, seen: str, tmp_path: Path) -> None:
    outcome = soak(Options(tmp_path, seconds=20, brands=9, urls=20, workers=2, heal_seconds=20, break_by=broken))
    assert getattr(outcome.verdict, seen)
    assert not outcome.is_good
