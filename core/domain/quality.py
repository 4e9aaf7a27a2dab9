"""A figure that says how good labels are, and what it was measured against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Basis(StrEnum):
    """What labels were measured against."""

    PEOPLE = "people"  # a golden set: people said what is right
    PLANTED = "planted truth"  # what the generator of sample data put into its ads
    MODEL = "model"  # labels that another model made: agreement between machines, no truth
    REPLAY = "replay"  # the same method, asked again
    RULES = "rules"  # simple rules that know nothing of how the label was made
    CALIBRATION = "calibration"  # stated confidence beside how often it was right


TRUTHS = (Basis.PEOPLE, Basis.PLANTED, Basis.MODEL)  # the more telling first


class Statistic(StrEnum):
    """What a measure's estimate is."""

    KAPPA = "kappa"
    AGREEMENT = "agreement"
    PRECISION = "precision"
    RECALL = "recall"
    CALIBRATION_ERROR = "expected calibration error"
    BETWEEN_PEOPLE = "kappa between people"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure with its 95 % interval. ``value`` None: the whole dimension; ``estimate`` None: it isn't defined.

    ``n`` texts (of precision: those given the value; of recall: those that have it). ``method`` names how the measured
    labels were made, ``set_name`` what they were measured on. ``details`` is JSON: reliability bins, examples, counts.
    """

    dimension: str
    value: str | None
    basis: Basis
    set_name: str
    statistic: Statistic
    n: int
    estimate: float | None
    low: float | None
    high: float | None
    taxonomy_version: str
    method: str
    details: Mapping[str, Any] = field(default_factory=dict)
