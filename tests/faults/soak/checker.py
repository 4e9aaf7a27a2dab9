"""What became of everything that was asked for: Jepsen's total queue over elements of the record. Pure.

attempts      elements that were asked for, accepted or not
acknowledged  elements of requests that were accepted
committed     elements that the record holds
lost          acknowledged, and not committed
duplicated    committed more than once, or an effect that happened more than once
unexpected    committed, and never asked for (a request whose acceptance was never heard has an id nobody knows)
recovered     URLs that took more than one execution, and ended once, as they should
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.domain.media import MediaStatus
from tests.faults.soak.elements import Element
from tests.faults.soak.media import FAULTS

BLAME: Final = 3  # failures of the media server's own, of the four attempts after which a medium counts as failed
_FAILED = MediaStatus.FETCH_ERROR.value


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What each of them noted: the client, the media server, the store's journal and the record in the end."""

    client: list[dict[str, Any]]
    media: list[dict[str, Any]]
    effects: list[Element]
    record: list[Element]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Figures, and the elements behind the bad ones. ``partial``: media excused by what the media server did."""

    attempts: int
    acknowledged: int
    committed: int
    lost: list[Element]
    duplicated: list[Element]
    unexpected: list[Element]
    recovered: int
    partial: int
    amplification: float

    @property
    def is_whole(self) -> bool:
        """Nothing lost, doubled or invented."""
        return not (self.lost or self.duplicated or self.unexpected)


def check(witnesses: Witnesses) -> Verdict:
    """Compare what was asked with what is there."""
    elements = {line["ask"]: {tuple(each) for each in line["elements"]} for line in _of(witnesses.client, "asked")}
    accepted = {line["ask"]: line["request_id"] for line in _of(witnesses.client, "accepted")}
    attempted = set().union(*elements.values())
    wanted = set().union(*(elements[ask] for ask in accepted))
    wanted |= {("request", request_id, "completed") for request_id in accepted.values()}
    executions = Counter(line["url"] for line in _of(witnesses.media, "got"))
    excused = _excused(attempted, witnesses)
    found = Counter(excused.get(element, element) for element in witnesses.record)
    return Verdict(
        attempts=len(attempted),
        acknowledged=len(wanted),
        committed=len(found),
        lost=sorted(wanted - found.keys() - _creatives_of(attempted, set(excused.values()))),
        duplicated=_doubled(found) + _doubled(Counter(witnesses.effects)),
        unexpected=sorted(element for element in found.keys() - attempted if element[0] != "request"),
        recovered=len(_recovered(executions, found)),
        partial=len(excused),
        amplification=executions.total() / max(len(executions), 1),
    )


def _of(lines: Iterable[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["what"] == what]


def _doubled(counts: Mapping[Element, int]) -> list[Element]:
    return sorted(element for element, times in counts.items() if times > 1)


def _recovered(executions: Mapping[str, int], found: Mapping[Element, int]) -> set[str]:
    ended = {element[2] for element, times in found.items() if element[0] == "medium" and times == 1}
    return {url for url, times in executions.items() if times > 1 and url in ended}


def _excused(attempted: Iterable[Element], witnesses: Witnesses) -> dict[Element, Element]:
    """Elements of the record that tell of a medium that could not be had, where the media server is to blame.

    Each with the element that was wanted. A failed download is a result; one that nobody failed is a loss.
    """
    wanted = {element[1:3]: element for element in attempted if element[0] == "medium"}
    failures = Counter(line["url"] for line in _of(witnesses.media, "got") if line["kind"] in FAULTS)
    return {
        element: wanted[element[1:3]]
        for element in witnesses.record
        if element[0] == "medium" and element[3] == _FAILED and failures[element[2]] >= BLAME and element[1:3] in wanted
    }


def _creatives_of(attempted: Iterable[Element], excused: set[Element]) -> set[Element]:
    """The creatives that only excused media show."""
    media = [element for element in attempted if element[0] == "medium"]
    shown = {element[3] for element in media if element not in excused}
    return {("creative", element[3]) for element in excused if element[3] not in shown}
