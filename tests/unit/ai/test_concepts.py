"""Which variants are one concept: the picture decides, words must agree; words decide where there is no picture."""

from __future__ import annotations

from math import acos

import numpy as np
import pytest

from core.ai.concepts import MEASURED, Concepts, Joining, Look, Sizes
from core.ports import Vector

SIZES = Sizes(visual=2, words=2)
PHOTO, SAME_PHOTO = 0, (1 << MEASURED.near_picture_bits) - 1  # just near enough
LIKELY, OTHER_PHOTO = (1 << MEASURED.likely_picture_bits) - 1, (1 << 40) - 1
COPY, EDITED, OTHER_COPY = 0, (1 << MEASURED.near_words_bits) - 1, (1 << 30) - 1


def at(cosine: float) -> Vector:
    """A unit vector with this cosine to ``at(1)``."""
    angle = acos(cosine)
    return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)


def look(
    name: str,
    *,
    picture: int | None = None,
    file: str | None = None,
    seen: float = 1.0,
    copy: int | None = None,
    text: str | None = None,
    said: float = 1.0,
) -> Look:
    has_picture = picture is not None or file is not None
    cover = (file or name.encode().hex()).ljust(64, "0") if has_picture else None
    text_hash = (text or name.encode().hex()).ljust(64, "0") if copy is not None else None
    words = at(said) if copy is not None else None
    return Look(name, cover, picture, at(seen) if has_picture else None, text_hash, copy, words)


def joined(*looks: Look) -> list[Joining]:
    """All of them but the first, joined one by one."""
    return list(Concepts([(looks[0], looks[0].variant_id)], sizes=SIZES).join(looks[1:]))


def why(first: Look, second: Look) -> str | None:
    """How the second comes to the first; None where it doesn't."""
    (joining,) = joined(first, second)
    return joining.joined_by if joining.joined_to else None


FIRST = look("a1", picture=PHOTO, copy=COPY)
FILE = look("a1", file="ff", picture=PHOTO, copy=COPY)
SILENT = look("a1", picture=PHOTO)
UNSEEN = look("a1", copy=COPY)


@pytest.mark.parametrize(
    ("first", "second", "joined_by"),
    [
        # One file: an edited copy is the same idea, but a stock picture of the brand under other words is none.
        (FILE, look("b2", file="ff", picture=PHOTO, copy=OTHER_COPY, said=0.85), "same picture"),
        (FILE, look("b2", file="ff", picture=PHOTO, copy=OTHER_COPY, said=0.83), None),
        # Two files that look alike: with words that are alike, too. A brand's layouts look alike under any idea.
        (FIRST, look("b2", picture=SAME_PHOTO, copy=OTHER_COPY, said=0.925), "perceptual hash"),
        (FIRST, look("b2", picture=SAME_PHOTO, copy=OTHER_COPY, said=0.91), None),
        (FIRST, look("b2", picture=LIKELY, seen=0.81, copy=OTHER_COPY, said=0.95), "embedding"),
        (FIRST, look("b2", picture=LIKELY, seen=0.79, copy=OTHER_COPY, said=0.95), None),
        (FIRST, look("b2", picture=OTHER_PHOTO, seen=0.99, copy=OTHER_COPY, said=0.95), None),
        # Who says nothing says nothing else.
        (SILENT, look("b2", picture=SAME_PHOTO, copy=COPY), "perceptual hash"),
        # One primary text under two visuals: two ideas.
        (FIRST, look("b2", picture=OTHER_PHOTO, seen=0.3, copy=COPY, text="61".ljust(64, "0")), None),
        # Without a picture on either side the words decide.
        (UNSEEN, look("b2", copy=COPY, text="6131"), "same words"),
        (UNSEEN, look("b2", picture=PHOTO, copy=COPY, text="6131"), "same words"),
        (UNSEEN, look("b2", copy=EDITED, said=0.95), "text simhash"),
        (UNSEEN, look("b2", copy=OTHER_COPY, said=0.991), "embedding"),
        (UNSEEN, look("b2", copy=OTHER_COPY, said=0.988), None),  # a template with another name filled in
        (look("a1"), look("b2"), None),
        (SILENT, UNSEEN, None),  # nothing to compare
    ],
)  # fmt: skip
def test_a_variant_joins_by(first: Look, second: Look, joined_by: str | None) -> None:
    assert why(first, second) == joined_by
    assert why(second, Look("c3", *[getattr(first, name) for name in Look.__slots__[1:]])) == joined_by  # either way


def test_it_joins_the_nearest_and_says_to_whom_and_how_near() -> None:
    far = look("a1", picture=0b1111_1111, copy=COPY)
    near = look("b2", picture=0b0011_0000_0000, copy=OTHER_COPY, said=0.5)
    new = look("c3", picture=0b0001_0000_0000, copy=OTHER_COPY, said=0.5)

    apart, found = joined(far, near, new)

    assert (apart.concept_id, apart.joined_by) == ("b2", "itself")
    assert (found.concept_id, found.joined_to, found.joined_by) == ("b2", "b2", "perceptual hash")
    assert found.distances == {"picture_bits": 1, "picture_cosine": 1.0, "words_bits": 0, "words_cosine": 1.0}


def test_it_joins_the_concept_of_the_nearest_however_far_its_founder_is() -> None:
    founder, between, new = (look(name, picture=bits) for name, bits in (("a1", 0), ("b2", 0xFFF), ("c3", 0xFFFFFF)))

    second, third = joined(founder, between, new)

    assert (second.concept_id, third.concept_id, third.joined_to) == ("a1", "a1", "b2")


def test_two_concepts_stay_two_when_one_comes_between_them() -> None:
    left, right, middle = (look(name, picture=bits) for name, bits in (("a1", 0), ("b2", 0xFFFFFF), ("c3", 0xFFF)))

    second, third = joined(left, right, middle)

    assert (second.concept_id, third.concept_id) == ("b2", "a1")  # equally near: the one that was first


def test_a_variant_without_a_picture_bridges_no_two_visuals() -> None:
    silent, left, right, again, last = (
        look(name, copy=COPY, text="61", picture=bits)
        for name, bits in (("a1", None), ("b2", PHOTO), ("c3", OTHER_PHOTO), ("d4", 1), ("e5", None))
    )

    for founded in (0, 1):  # whether the first visual is known from the beginning or comes along
        concepts = Concepts([(silent, "a1"), (left, "a1")][: 1 + founded], sizes=SIZES)
        found = {each.variant_id: each.concept_id for each in concepts.join([left, right, again, last][founded:])}
        assert found | {"b2": "a1"} == {"b2": "a1", "c3": "c3", "d4": "a1", "e5": "a1"}


def test_in_steps_it_comes_to_the_same_as_at_once() -> None:
    rng = np.random.default_rng(7)
    looks = [
        look(f"{place:02x}", picture=int(rng.integers(1 << 14)), copy=int(rng.integers(1 << 8)), said=0.95)
        for place in range(40)
    ]  # fmt: skip
    at_once = Concepts([], sizes=SIZES)
    in_steps = Concepts([], sizes=SIZES)

    steps = [joining for start in range(0, 40, 7) for joining in in_steps.join(looks[start : start + 7])]

    assert steps == list(at_once.join(looks))
    assert len({joining.concept_id for joining in steps}) < len(looks)
