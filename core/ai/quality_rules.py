"""Simple rules that know nothing of how a label was made: where they and the label disagree, one of them is wrong.

They are no truth. They find a class of mistakes (a price nobody labelled, a Korean text called English) and show the
texts, so that people can see which of the two it is. None of them is taken from the taxonomy's own rules.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.ai.quality_measures import MOST_EXAMPLES, Judged, Occasion
from core.domain.label import LANGUAGE, UNKNOWN
from core.domain.quality import Measure, Statistic
from core.insights.agreement import Estimate, Values, proportion
from core.sources.calls_to_action import normalise_cta

_CHARACTERS_READ = 5_000
_AROUND = 40  # characters shown on both sides of what a rule found


@dataclass(frozen=True, slots=True)
class CheckedText:
    """A text with its declared call to action, and the values that one dimension's label gives it."""

    text: str
    cta: str
    values: Values
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether rule and label agree, and what the rule goes by."""

    agrees: bool
    quote: str


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """``ask`` gives None for a text of which the rule says nothing. ``claim`` says what disagreement means."""

    name: str
    dimension: str
    claim: str
    ask: Callable[[CheckedText], Finding | None]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check over many texts: ``disagreeing`` of ``n`` on which the rule had something to say."""

    check: CrossCheck
    n: int
    disagreeing: int
    examples: tuple[Judged, ...]

    @property
    def agreement(self) -> Estimate:
        """The share of those texts on which rule and label agree."""
        return proportion(self.n - self.disagreeing, self.n)

    def measure(self, occasion: Occasion) -> Measure:
        """As it is kept."""
        shown = [
            {"content_id": each.content_id, "excerpt": each.excerpt, "given": sorted(each.given) or [UNKNOWN]}
            for each in self.examples
        ]
        details = {"claim": self.check.claim, "differing": self.disagreeing, "examples": shown}
        return occasion.measure(self.check.dimension, None, Statistic.AGREEMENT, self.agreement, **details)


class CheckTally:
    """Counts one check text by text, so that no more than its examples is held."""

    def __init__(self, check: CrossCheck) -> None:
        self.check = check
        self._n = self._disagreeing = 0
        self._examples: list[Judged] = []

    def add(self, text: CheckedText) -> None:
        """Ask the rule of one text."""
        found = self.check.ask(text)
        if found is None:
            return
        self._n += 1
        if not found.agrees:
            self._disagreeing += 1
            if len(self._examples) < MOST_EXAMPLES:
                self._examples.append(Judged(text.values, frozenset(), {}, text.content_id, found.quote))

    def result(self) -> CheckResult:
        """What was counted."""
        return CheckResult(self.check, self._n, self._disagreeing, tuple(self._examples))


def _found(pattern: re.Pattern[str], text: str) -> str | None:
    """The first match with what stands around it, on one line."""
    match = pattern.search(text[:_CHARACTERS_READ])
    if match is None:
        return None
    return " ".join(text[max(0, match.start() - _AROUND) : match.end() + _AROUND].split())


def _says(pattern: str, *accepted: str) -> Callable[[CheckedText], Finding | None]:
    """Where the pattern is found, the label must have one of the accepted values."""
    compiled = re.compile(pattern, re.IGNORECASE)

    def ask(text: CheckedText) -> Finding | None:
        quote = _found(compiled, text.text)
        return None if quote is None else Finding(bool(text.values & set(accepted)), quote)

    return ask


def _rests_on(value: str, pattern: str) -> Callable[[CheckedText], Finding | None]:
    """Where the label has the value, the pattern must be found."""
    compiled = re.compile(pattern, re.IGNORECASE)

    def ask(text: CheckedText) -> Finding | None:
        if value not in text.values:
            return None
        quote = _found(compiled, text.text)
        return Finding(quote is not None, quote or " ".join(text.text[: 4 * _AROUND].split()))

    return ask


_BUTTONS: Mapping[str, str] = {
    "Install now": "install", "Download": "install", "Use app": "install", "Play game": "install",
    "Shop now": "shop_now", "Buy now": "shop_now", "Order now": "shop_now",
    "Learn more": "learn_more", "Read more": "learn_more", "See details": "learn_more",
    "Sign up": "sign_up", "Subscribe": "subscribe", "Book now": "book", "Get offer": "get_offer",
    "Contact us": "contact", "Call now": "contact", "Send message": "contact",
    "Watch more": "watch", "Watch video": "watch",
}  # fmt: skip


def _button(text: CheckedText) -> Finding | None:
    """What the source declares on the button is what the reader is asked to do."""
    button = normalise_cta(text.cta)
    return Finding(_BUTTONS[button] in text.values, f"button: {button}") if button in _BUTTONS else None


_SCRIPTS: Mapping[str, frozenset[str]] = {
    "HANGUL": frozenset({"ko"}),
    "HIRAGANA": frozenset({"ja"}),
    "KATAKANA": frozenset({"ja"}),
    "CJK": frozenset({"zh", "ja"}),
    "CYRILLIC": frozenset({"ru", "uk", "bg", "sr", "be", "mk", "kk", "mn"}),
    "ARABIC": frozenset({"ar", "fa", "ur"}),
    "DEVANAGARI": frozenset({"hi", "mr", "ne"}),
    "HEBREW": frozenset({"he"}),
    "GREEK": frozenset({"el"}),
    "THAI": frozenset({"th"}),
    "BENGALI": frozenset({"bn"}),
    "TAMIL": frozenset({"ta"}),
}
_NOT_IN_LATIN = frozenset().union(*_SCRIPTS.values()) - {"sr"}
_CLEARLY = 0.9  # share of the letters that one script must have
_FEWEST_LETTERS = 12


def _script(text: CheckedText) -> Finding | None:
    """The script of nearly all letters leaves few languages. ``unknown`` contradicts nothing."""
    said = text.values - {UNKNOWN}
    letters = [unicodedata.name(sign, "").split(" ")[0] for sign in text.text[:_CHARACTERS_READ] if sign.isalpha()]
    if not said or len(letters) < _FEWEST_LETTERS:
        return None
    script, times = Counter(letters).most_common(1)[0]
    if times < _CLEARLY * len(letters) or not (script == "LATIN" or script in _SCRIPTS):
        return None
    agrees = not said & _NOT_IN_LATIN if script == "LATIN" else bool(said & _SCRIPTS[script])
    return Finding(agrees, f"{script.lower()}: {' '.join(text.text[: 2 * _AROUND].split())}")


def _any_of(*patterns: str) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


_PERCENT = r"\d{1,2}\s?[%％]"
_REDUCED = _any_of(
    r"off\b", "rabatt", "reduziert", "günstiger", "할인", "オフ", "割引", "de descuento", r"dto\b", "desconto",
    "de remise", "de réduction", "sconto", "छूट",
)  # fmt: skip
_PERCENTAGE_OFF = _any_of(
    rf"{_PERCENT}[^.!?\n%]{{0,12}}(?:{_REDUCED})", rf"\b(?:save|spare?|ahorra|économisez|economize)\s{_PERCENT}"
)
_PERCENTAGE = _any_of(
    r"\d\s?[%％٪]", "percent", "per cent", "prozent", "por ?cien", "pour ?cent", "퍼센트", "반값", "パーセント", "半額",
    "割引", "प्रतिशत", "आध", "half", "halb", "mitad", "moitié", "metade",
)  # fmt: skip
_MONEY = _any_of(r"[€$£₩¥₹]\s?\d", r"\d\s?(?:[€₩円]|원(?!\w)|(?:USD|EUR|GBP|KRW|INR|zł)\b)")
_TRIAL = _any_of(
    "free trial", "try (?:it )?(?:for )?free", "(?:kostenlos|gratis) (?:testen|ausprobieren)", "prueba grat",
    "essai gratuit", "무료 ?체험", "無料体験", "teste grátis",
)  # fmt: skip
_SHIPPING = _any_of(
    "free (?:shipping|delivery)", "kostenlose[rn]? (?:versand|lieferung)", "versandkostenfrei", "envío grat",
    "livraison (?:gratuite|offerte)", "frete grátis", "무료 ?배송", "送料無料",
)  # fmt: skip
_FREE = _any_of(
    "for free", "free (?:to|of charge)", r"\bis free\b", "kostenlos", r"gratis\b", "gratuit", "무료(?!함)", "無料",
    "मुफ़्त",
)  # fmt: skip
_SEASON = _any_of(
    "summer", "winter", r"\bspring\b", "autumn", r"\bfall\b", r"season(?! \d)", "christmas", "holiday", "easter",
    "new year", "friday", "halloween", "valentin", r"s'? day\b", "school", "festiv", "thanksgiving", r"\beid\b", "snow",
    "sommer", "frühling", "frühjahr", "herbst", "weihnacht", "oster", "neujahr", r"saison(?! ?\d)", "schul",
    "verano", "invierno", "primavera", "otoño", "navid", "año nuevo", "été", "hiver", "printemps", "automne", "noël",
    "nouvel an", "rentrée", "verão", "inverno", "outono", "natal", "páscoa", "여름", "겨울", "가을", r"\b(?:올|새)?봄",
    "명절", "설날", "추석", "새해", "연말", "휴가", "크리스마스", "[夏冬春秋]", "年末", "正月", "新年", "クリスマス",
    "गर्मी", "सर्द", "त्योहार", "दिवाली", "[🎄🎃🎅🐣]",
)  # fmt: skip
_OFFERS = (
    "price_point", "money_off", "percent_off", "free_trial", "free_access", "free_shipping", "bundle", "gift",
    "giveaway",
)  # fmt: skip

CROSS_CHECKS: Sequence[CrossCheck] = (
    CrossCheck(
        "a percentage off is labelled",
        "offer",
        "The text takes a percentage off; the label doesn't say so.",
        _says(_PERCENTAGE_OFF, "percent_off"),
    ),
    CrossCheck(
        "a labelled percentage is there",
        "offer",
        "The label says that a percentage is taken off; the text names none.",
        _rests_on("percent_off", _PERCENTAGE),
    ),
    CrossCheck(
        "a price is labelled",
        "offer",
        "The text names an amount of money; the label says that nothing is offered.",
        _says(_MONEY, *_OFFERS),
    ),
    CrossCheck(
        "a free trial is labelled",
        "offer",
        "The text offers a trial for free; the label doesn't say so.",
        _says(_TRIAL, "free_trial"),
    ),
    CrossCheck(
        "free shipping is labelled",
        "offer",
        "The text ships for free; the label doesn't say so.",
        _says(_SHIPPING, "free_shipping"),
    ),
    CrossCheck(
        "something free is labelled",
        "offer",
        "The text says that something is free; the label says that nothing is.",
        _says(_FREE, "free_access", "free_trial", "free_shipping", "gift", "giveaway", "bundle"),
    ),
    CrossCheck(
        "a labelled season is there",
        "theme",
        "The label says that the text is tied to a season; the text names neither season nor feast.",
        _rests_on("seasonal", _SEASON),
    ),
    CrossCheck(
        "the button is the call to action",
        "cta",
        "The source declares another button than the label says.",
        _button,
    ),
    CrossCheck(
        "the language fits the script",
        LANGUAGE,
        "The label names a language that isn't written in the text's script.",
        _script,
    ),
)
