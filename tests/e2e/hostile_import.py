"""A folder as a monitor exports it: three brands, two languages, offers, and whatever an export can hold of evil."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

SCRIPT = "<img src=x onerror=window.__xss=1>"
HOSTILE_COPY = (
    f"Buy now {SCRIPT} [click me](https://evil.example/go) ![seen](https://evil.example/track.png) "
    "<script>window.__xss=2</script> 20% off today."
)
BREWS, BIKES, HOSTILE = "Harbour Brews", "모래언덕 자전거", f"Polar <a href='https://evil.example'>Peak</a> {SCRIPT}"
ADS = {BREWS: 16, BIKES: 14, HOSTILE: 10}
BLOCKED, MISSING = "../outside.png", "images/gone.png"  # each named by one ad
_COPIES = {
    BREWS: (
        "Get 30% off your first order of fresh coffee. Blend {0}.",
        "Free shipping on every bag this week. Blend {0}.",
        "Why do baristas choose blend {0}? Taste it and see.",
    ),
    BIKES: (
        "첫 구매 {0}종 20% 할인, 지금 주문하세요.",
        "무료 배송으로 만나는 모델 {0}호.",
        "왜 모두가 모델 {0}호를 탈까요?",
    ),
    HOSTILE: (HOSTILE_COPY, "Warm down jackets, model {0}: free trial for 14 days.", "Warm boots, pair {0}."),
}


def write_hostile_import(folder: Path) -> Path:
    """The folder, with 40 good ads and one broken element."""
    (folder / "images").mkdir(parents=True)
    Image.new("RGB", (40, 40), "red").save(folder.parent / "outside.png")
    elements = [json.dumps(ad, ensure_ascii=False, indent=1) for ad in _ads(folder)]
    elements.insert(7, '{"libId": "13", "competitor": "broken')
    (folder / "ads.json").write_text("[" + ",\n".join(elements) + "]", encoding="utf-8")
    return folder


def _ads(folder: Path) -> Iterator[dict[str, Any]]:
    number = 0
    for brand, count in ADS.items():
        for position in range(count):
            number += 1
            copies = _COPIES[brand]
            yield {
                "libId": str(880_000 + number),
                "competitor": brand,
                "advertiser": brand,
                "type": "image",
                "images": [{"file": _image(folder, brand, number, position)}],
                "copy": copies[position % len(copies)].format(position + 1),
                "first_seen": f"2026-0{1 + position % 5}-11",
                "last_seen": "2026-06-09",
                "active": position % 4 != 0,
            }


def _image(folder: Path, brand: str, number: int, position: int) -> str:
    if brand == HOSTILE and position in {1, 2}:
        return (BLOCKED, MISSING)[position - 1]
    name = f"images/{number}.png"
    picture = Image.new("RGB", (240, 240), ("#12756d", "#c8642a", "#4a5fa5")[list(ADS).index(brand)])
    ImageDraw.Draw(picture).text((20, 90), f"{number}", fill="white", font_size=60)
    picture.save(folder / name)
    return name
