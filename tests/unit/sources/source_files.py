"""Hand-made files in the shapes of the known kinds, and how to read them."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

from core.domain.ad import AdRecord, Rejection
from core.sources.files import read_path

META_COLUMNS = {
    "competitor_name": "Bright Cup",
    "facebook_page_id": "700",
    "facebook_page_name": "Bright Cup Coffee",
    "target_country": "IN",
    "ad_library_id": "1234567890123456",
    "ad_library_url": "https://www.facebook.com/ads/library/?id=1234567890123456",
    "ad_start_date": "2026-02-05",
    "ad_end_date": "",
    "has_low_impression_warning": "FALSE",
    "ad_primary_text": "Wake up to better coffee",
    "ad_description": "First cup free",
    "ad_cta_label": "Shop Now",
    "ad_destination_url": "https://example.com/cup?size=2&fbclid=abc",
    "ad_media_type": "Video",
    "ad_distribution_platforms": "Facebook, Audience Network",
    "creative_index_in_ad": "0",
    "facebook_video_cdn_url_at_scrape": "",
    "facebook_thumbnail_cdn_url_at_scrape": "",
    "facebook_cdn_url_expiry_at_scrape": "",
    "scrape_run_date": "2026-06-04",
}
CUSTOMER_COLUMNS = {
    "adId": "1",
    "startDate": "2025-01-30",
    "brand": "Bright Cup",
    "productType": "coffee",
    "color": "[]",
    "environment": "Unknown",
    "features": "warm; strong ;;unknown",
    "marketingApproach": "emotional;humour",
    "description": "The ad shows a cup.",
}


def write_csv(path: Path, rows: list[dict[str, str]], *, columns: dict[str, str], delimiter: str = ",") -> Path:
    """A CSV of rows that differ from ``columns`` as given; more columns come from the first row."""
    header = list(columns | rows[0]) if rows else list(columns)
    out = io.StringIO()
    writer = csv.DictWriter(out, header, delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(columns | row for row in rows)
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def meta_csv(path: Path, *rows: dict[str, str]) -> Path:
    """A Meta Ad Library CSV."""
    return write_csv(path, list(rows), columns=META_COLUMNS)


def customer_csv(path: Path, *rows: dict[str, str], delimiter: str = ",") -> Path:
    """A customer's CSV."""
    return write_csv(path, list(rows), columns=CUSTOMER_COLUMNS, delimiter=delimiter)


def monitor_ad(number: int = 1, **changes: Any) -> dict[str, Any]:
    """One element of a Meta monitor's JSON."""
    return {
        "libId": f"99900{number}",
        "competitor": "브라이트컵",
        "type": "image",
        "images": [],
        "copy": f"좋은 아침 {number}",
        "advertiser": "브라이트컵",
        "first_seen": "2026-06-01",
        "last_seen": "2026-06-09",
        "active": True,
        **changes,
    }


def monitor_json(path: Path, *ads: dict[str, Any]) -> Path:
    """A Meta monitor's JSON, one field to a line."""
    path.write_text(json.dumps(list(ads), ensure_ascii=False, indent=0), encoding="utf-8")
    return path


def read(path: Path, *, brand: str | None = None, today: date | None = None) -> tuple[list[AdRecord], list[Rejection]]:
    """Everything in a path: records and rejections."""
    found = list(read_path(path, brand=brand, today=today))
    records = [one for one in found if isinstance(one, AdRecord)]
    return records, [one for one in found if isinstance(one, Rejection)]
