"""What the texts of a brandspace are about: groups of near texts, found in their vectors, told by their own words.

Raw vectors group by language, so each text loses the mean of its language first (``core.ai.prototypes`` does the same
with sentences). Spherical k-means then finds centres; those that somebody has kept stand still while the others look
for what is left. How many: of the numbers tried, the one with the greatest simplified silhouette (Hruschka et al. 2004:
a text's own centre against the next one), but at most the root of half the texts (Mardia et al. 1979): on texts of
people the silhouette alone always wants more. A text far from every centre stays without a theme. Everything is
seeded: the same texts have the same themes.

Words are weighed as in c-TF-IDF (Grootendorst 2022), but against how often the texts of the same languages hold them:
else the words of a theme that is mostly German would be *und* and *der*. Names of brands and calls to action name none.

A theme may still be of one brand: it says what that brand alone speaks of. Taking the mean of each brand off the
vectors, too, was tried (281 texts of five Korean brands: 5 of 10 themes at least 80 % of one brand, instead of 3 of 4),
and left out: a brand with one subject would lose it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from core.ports import Vector

FEWEST_TEXTS = 12  # fewer have no themes
MOST_THEMES = 24  # with those that are kept
LEAST_COSINE = 0.35  # of a text to the centre of its theme, both without what they owe to language
_NUMBERS = (4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, MOST_THEMES)
_OWN_MEAN = 10  # texts of a language; the others lose the mean of all
_LOOKED_AT = 2_000  # texts, drawn where there are more: all of them then go to the centres found in these
_STARTS, _ROUNDS, _SEED = 3, 30, 20_040
_WORDS, _NAMED_BY = 8, 3
_LEAST_LIFT = 1.5  # times as often as in texts of the same languages
_LEAST_TEXTS_OF_WORD = 2
_SAME_WORD = 0.7  # a beginning is nothing of its own where so many of its uses go on with the same sign

# Han and Katakana are written without spaces: a run of one script is about a word there. Hiragana is mostly grammar.
_WORD = re.compile(
    r"[\u4e00-\u9fff\u3005]+|[\u30a1-\u30fa\u30fc]+"
    r"|(?:(?![\u3040-\u30ff\u4e00-\u9fff])[^\W\d_]|[\u0300-\u036f\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff])+"
)
_ADDRESS = re.compile(r"\S*(?:://|\w\.[a-z]{2,}(?![a-z]))\S*", re.IGNORECASE)
_LONG_HAN = 4  # signs; a longer run is several words
# What asks to act, in an ad of any theme; of Korean the beginnings.
_ASKING = (
    "보러 보기 보세 만나 확인 시청 감상 시작 정주행 구매 주문 가입 신청 다운로드 다운받 설치 구독 클릭 알아보 자세히 "
    "바로 지금 오늘 이제 "
    "click learn more shop now install download sign subscribe watch order buy get try start here today link discover "
    "jetzt kaufen bestellen ansehen entdecken erfahren mehr herunterladen anmelden testen sichern heute "
    "compra ahora descubre descarga prueba regístrate hoy achetez découvrez maintenant téléchargez essayez commandez "
    "compre agora saiba mais baixe assine descubra hoje 今 購入 登録 視聴 ダウンロード クリック チェック "
    "अभी देखें खरीदें डाउनलोड"
)
_CALLS_TO_ACTION = frozenset(_ASKING.split())
_SHORT = {"latin": 3, "other": 2}  # signs of the shortest word


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """``centres``: shape (themes, dimension), kept ones first. ``theme_of`` each text: a row of it, or -1; ``cosines``
    to its nearest centre. Both of shape (texts,)."""

    centres: Vector
    theme_of: Vector
    cosines: Vector


def centred(vectors: Vector, languages: Sequence[str]) -> Vector:
    """Unit vectors without what they owe to their language; shape as given, (texts, dimension)."""
    named = np.asarray(languages)
    everywhere, result = vectors.mean(axis=0), np.empty_like(vectors)
    for language in np.unique(named):
        rows = np.flatnonzero(named == language)
        mean = vectors[rows].mean(axis=0) if len(rows) >= _OWN_MEAN else everywhere
        result[rows] = vectors[rows] - mean
    return _unit(result)


def find_themes(space: Vector, kept: Vector, *, looks_for_new: bool = True) -> Grouping:
    """Group centred texts around ``kept`` centres and new ones; both of shape (any number, dimension)."""
    centres = kept
    if looks_for_new and len(space) >= FEWEST_TEXTS:
        some = space if len(space) <= _LOOKED_AT else space[_rng().choice(len(space), _LOOKED_AT, replace=False)]
        number = _best_number(some, len(space), kept)
        centres = _by_size(space, _best_centres(some, kept, number), len(kept)) if number else kept
    return nearest(space, centres)


def nearest(space: Vector, centres: Vector) -> Grouping:
    """Every text with its nearest centre, unless that is too far."""
    if not len(centres):
        return Grouping(centres, np.full(len(space), -1), np.zeros(len(space), dtype=np.float32))
    cosines = space @ centres.T
    best = cosines.argmax(axis=1) if len(space) else np.empty(0, dtype=np.int64)
    likeness = cosines[np.arange(len(space)), best]
    return Grouping(centres, np.where(likeness >= LEAST_COSINE, best, -1), likeness)


def _best_number(space: Vector, texts: int, kept: Vector) -> int:
    """How many themes with the kept ones, for so many texts; 0 where there is no room for more."""
    most = max(_NUMBERS[0], round(sqrt(texts / 2)))
    numbers = [number for number in _NUMBERS if len(kept) < number <= most]
    return max(numbers, key=lambda number: _silhouette(space, _best_centres(space, kept, number)), default=0)


def _silhouette(space: Vector, centres: Vector) -> float:
    """Mean of (b - a) / b: distances (1 - cosine) to the own centre and to the next."""
    distances = np.sort(1 - space @ centres.T, axis=1)
    return float(np.mean((distances[:, 1] - distances[:, 0]) / np.maximum(distances[:, 1], 1e-9)))


def _best_centres(space: Vector, kept: Vector, number: int) -> Vector:
    """Of several starts the centres that texts are nearest to."""
    tried = [_converged(space, kept, number, _rng(start)) for start in range(_STARTS)]
    return max(tried, key=lambda centres: float((space @ centres.T).max(axis=1).sum()))


def _converged(space: Vector, kept: Vector, number: int, rng: np.random.Generator) -> Vector:
    centres, before = _seeds(space, kept, number, rng), None
    for _ in range(_ROUNDS):
        own = (space @ centres.T).argmax(axis=1)
        if before is not None and np.array_equal(own, before):
            break
        before = own
        belongs = np.zeros((number, len(space)), dtype=np.float32)
        belongs[own, np.arange(len(space))] = 1
        moved = belongs @ space
        is_left = np.linalg.norm(moved, axis=1) > 1e-6  # noqa: PLR2004 a centre without texts stays where it is
        is_left[: len(kept)] = False
        centres = np.where(is_left[:, None], _unit(moved), centres)
    return centres


def _seeds(space: Vector, kept: Vector, number: int, rng: np.random.Generator) -> Vector:
    """k-means++ (Arthur and Vassilvitskii 2007), beside the kept centres."""
    centres = [*kept] or [space[rng.integers(len(space))]]
    while len(centres) < number:
        away = np.clip(1 - (space @ np.stack(centres).T).max(axis=1), 0, None).astype(np.float64) ** 2
        share = away / away.sum() if away.sum() > 0 else None
        centres.append(space[rng.choice(len(space), p=share)])
    return np.stack(centres)


def _by_size(space: Vector, centres: Vector, kept: int) -> Vector:
    """The kept ones, then new ones with most texts first; new ones that are no group are left out."""
    theme_of = nearest(space, centres).theme_of
    sizes = np.bincount(theme_of[theme_of >= 0], minlength=len(centres))
    ranked = [row for row in np.argsort(-sizes, kind="stable") if row >= kept and sizes[row] >= _LEAST_TEXTS_OF_WORD]
    return centres[[*range(kept), *ranked]]


def _rng(start: int = 0) -> np.random.Generator:
    return np.random.default_rng(_SEED + start)


def _unit(vectors: Vector) -> Vector:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), dtype=np.float32)


# --- words --------------------------------------------------------------------------------------------


def telling_words(
    texts: Sequence[str], languages: Sequence[str], grouping: Grouping, *, names: Collection[str] = ()
) -> list[tuple[str, ...]]:
    """For each theme up to eight words, most telling first. ``names`` of brands tell who speaks, not of what; nor do
    calls to action."""
    silent = _CALLS_TO_ACTION.union(*(_runs(name) for name in names))
    said = [frozenset(_words(text, silent)) for text in texts]
    usual: dict[str, Counter[str]] = {}
    for words, language in zip(said, languages, strict=True):
        usual.setdefault(language, Counter()).update(words)
    spoken = Counter(languages)
    return [
        _most_telling([said[row] for row in rows], Counter(languages[row] for row in rows), usual, spoken)
        for rows in (np.flatnonzero(grouping.theme_of == theme).tolist() for theme in range(len(grouping.centres)))
    ]


def provisional_name(words: Sequence[str]) -> str:
    """What a theme is called until somebody names it."""
    return " · ".join(words[:_NAMED_BY]) or "without telling words"


def _most_telling(
    said: Sequence[frozenset[str]], spoken_here: Counter[str], usual: dict[str, Counter[str]], spoken: Counter[str]
) -> tuple[str, ...]:
    here = Counter(word for words in said for word in words)
    cut = {word[:-1] for word, count in here.items() if count >= _SAME_WORD * here.get(word[:-1], count + 1)}
    scores: dict[str, float] = {}
    for word, count in here.items():
        expected = sum(n * usual[language][word] / spoken[language] for language, n in spoken_here.items())
        if word not in cut and count >= _LEAST_TEXTS_OF_WORD and expected and count >= _LEAST_LIFT * expected:
            scores[word] = count / len(said) * log(count / expected)
    chosen: list[str] = []
    for word in sorted(scores, key=lambda each: (-scores[each], each)):
        if len(chosen) < _WORDS and not any(word in other or other in word for other in chosen):
            chosen.append(word)
    return tuple(chosen)


def _runs(text: str) -> Iterator[str]:
    """Lower-case, without addresses; a long run of Han as all of its pairs."""
    for found in _WORD.findall(_ADDRESS.sub(" ", text).lower()):
        if "\u4e00" <= found[0] <= "\u9fff" and len(found) > _LONG_HAN:
            yield from (found[start : start + 2] for start in range(len(found) - 1))
        else:
            yield found


def _words(text: str, silent: Collection[str]) -> Iterator[str]:
    """Without those that are ``silent``. Korean particles hang on the word, so its beginnings count, too."""
    for found in _runs(text):
        beginnings = [found[:end] for end in range(2, len(found) + 1)]
        if "\uac00" <= found[0] <= "\ud7a3":
            yield from () if any(each in silent for each in beginnings) else beginnings
        elif found in silent:
            continue
        elif len(found) >= _SHORT["latin" if found[0] < "\u0250" else "other"]:
            yield found
