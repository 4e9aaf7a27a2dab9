"""How each language of the sample market writes numbers, money, weekdays, names and places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Locale:
    """One language. ``money`` has the slot ``{amount}``; ``rate`` turns a dollar into the local currency, whose
    amounts are rounded to ``step``; without ``decimal`` they have no cents.
    """

    countries: tuple[str, ...]  # ISO 3166-1 alpha-2
    money: str
    rate: float
    thousands: str
    decimal: str
    weekdays: tuple[str, ...]
    names: tuple[str, ...]
    cities: tuple[str, ...]
    step: int = 1
    space: str = " "

    def count(self, number: int) -> str:
        """A whole number with its thousands separated."""
        return f"{number:,}".replace(",", self.thousands)

    def amount(self, dollars: float, *, cents: bool = False) -> str:
        """An amount of money in the local currency, rounded to what a shop would print."""
        local = dollars * self.rate
        whole = self.count(round(local / self.step) * self.step)
        return self.money.format(amount=f"{whole}{self.decimal}90" if cents and self.decimal else whole)


LOCALES: Mapping[str, Locale] = {
    "en": Locale(
        ("US", "CA", "AU"), "${amount}", 1.0, ",", ".",
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        ("Ava", "Liam", "Priya", "Noah", "Grace", "Omar", "Ella", "Theo", "Maya", "Callum"),
        ("Boulder", "Portland", "Hobart", "Austin", "Halifax", "Perth"),
    ),
    "de": Locale(
        ("DE", "AT"), "{amount} €", 1.0, ".", ",",
        ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        ("Jonas", "Lena", "Emre", "Greta", "Felix", "Mia", "Anton", "Zoe"),
        ("Leipzig", "Graz", "Bremen", "Linz", "Köln", "Jena"),
    ),
    "es": Locale(
        ("ES",), "{amount} €", 1.0, ".", ",",
        ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        ("Lucía", "Mateo", "Carmen", "Iker", "Sofía", "Diego", "Alba", "Hugo"),
        ("Sevilla", "Bilbao", "Oviedo", "Valencia", "Gijón", "Vigo"),
    ),
    "fr": Locale(
        ("FR", "BE"), "{amount} €", 1.0, " ", ",",
        ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        ("Camille", "Louis", "Inès", "Hugo", "Manon", "Karim", "Jade", "Paul"),
        ("Lyon", "Nantes", "Lille", "Namur", "Rennes", "Dijon"),
    ),
    "pt": Locale(
        ("BR",), "R$ {amount}", 5.0, ".", ",",
        ("segunda", "terça", "quarta", "quinta", "sexta"),
        ("Ana", "João", "Beatriz", "Caio", "Larissa", "Davi", "Helena", "Rafael"),
        ("Recife", "Curitiba", "Belém", "Santos", "Natal", "Manaus"),
    ),
    "ja": Locale(
        ("JP",), "{amount}円", 150.0, ",", "",
        ("月曜日", "火曜日", "水曜日", "木曜日", "金曜日", "土曜日", "日曜日"),
        ("佐藤", "陽菜", "健太", "美咲", "翔太", "結衣"), ("仙台", "京都", "福岡", "金沢"), step=100, space="",
    ),
    "ko": Locale(
        ("KR",), "{amount}원", 1400.0, ",", "",
        ("월요일", "화요일", "수요일", "목요일", "금요일", "토요일", "일요일"),
        ("민준", "서연", "지훈", "하은", "도윤", "수빈"), ("부산", "대전", "전주", "수원"), step=1000,
    ),
    "hi": Locale(
        ("IN",), "₹{amount}", 83.0, ",", "",
        ("सोमवार", "मंगलवार", "बुधवार", "गुरुवार", "शुक्रवार", "शनिवार", "रविवार"),
        ("अनन्या", "प्रिया", "मीरा", "कविता", "नेहा", "सीमा"), ("पुणे", "जयपुर", "इंदौर", "लखनऊ"), step=100,
    ),
}  # fmt: skip
