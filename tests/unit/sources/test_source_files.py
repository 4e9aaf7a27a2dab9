"""A path in; records and rejections out, the kind of each file told by its content."""

import gzip
import os
import re
from pathlib import Path

import pytest

from core.errors import BadInputError
from core.sources.files import default_scope_is_private, read_path
from tests.unit.sources.source_files import CUSTOMER_COLUMNS, customer_csv, meta_csv, monitor_ad, monitor_json, read


def test_the_kind_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    assert read(monitor_json(tmp_path / "one.csv", monitor_ad()))[0][0].channel == "meta"
    assert read(customer_csv(tmp_path / "two.json", {}))[0][0].channel == "customer"
    assert read(meta_csv(tmp_path / "three", {}))[0][0].channel == "meta"


def test_a_gzipped_file_is_told_by_its_magic(tmp_path: Path) -> None:
    plain = meta_csv(tmp_path / "a.csv", {})
    packed = tmp_path / "b.csv"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(packed)[0][0].external_id == "1234567890123456"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_decides_the_encoding(tmp_path: Path, encoding: str) -> None:
    path = customer_csv(tmp_path / "a.csv", {"brand": "Café"})
    path.write_text(path.read_text(encoding="utf-8"), encoding=encoding)
    assert read(path)[0][0].brand_name == "Café"


def test_what_is_not_utf_8_at_all_is_read_as_cp1252(tmp_path: Path) -> None:
    path = customer_csv(tmp_path / "a.csv", {"brand": "Café"})
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xe9"))
    assert read(path)[0][0].brand_name == "Café"


def test_damaged_utf_8_loses_only_the_damaged_row(tmp_path: Path) -> None:
    path = customer_csv(tmp_path / "a.csv", {"brand": "Café"}, {"adId": "2", "brand": "BROKEN"})
    path.write_bytes(path.read_bytes().replace(b"BROKEN", b"\xff\xfe"))
    records, rejections = read(path)
    assert [record.brand_name for record in records] == ["Café"]
    assert [(rejection.line, rejection.code) for rejection in rejections] == [(3, "bad_encoding")]


def test_files_of_a_folder_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    customer_csv(tmp_path / "c.csv", {"adId": "3"})
    customer_csv(tmp_path / "b" / "z.csv", {"adId": "2"})
    customer_csv(tmp_path / "a.csv", {"adId": "1"})
    assert [record.external_id for record in read(tmp_path)[0]] == ["1", "2", "3"]


def test_a_file_of_another_kind_is_rejected_and_the_rest_imported(tmp_path: Path) -> None:
    customer_csv(tmp_path / "good.csv", {})
    (tmp_path / "notes.txt").write_text("nothing to see")
    records, rejections = read(tmp_path)
    assert len(records) == 1
    assert [(rejection.file, rejection.code) for rejection in rejections] == [("notes.txt", "unknown_format")]


def test_a_damaged_archive_is_rejected_and_the_rest_imported(tmp_path: Path) -> None:
    good = customer_csv(
        tmp_path / "good.csv", *({"adId": str(n), "description": os.urandom(99).hex()} for n in range(999))
    )
    (tmp_path / "torn.csv.gz").write_bytes(gzip.compress(good.read_bytes())[:-2000])
    records, rejections = read(tmp_path)
    assert len(records) == 999
    assert [(rejection.file, rejection.code) for rejection in rejections] == [("torn.csv.gz", "unreadable_file")]


def test_images_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    customer_csv(tmp_path / "good.csv", {})
    (tmp_path / ".hidden").mkdir()
    for name in ("photo.JPG", "clip.mp4", "art.webp", ".DS_Store", ".hidden/notes.txt"):
        (tmp_path / name).write_text("x")
    assert read(tmp_path)[1] == []


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "import").mkdir()
    customer_csv(tmp_path / "import" / "good.csv", {})
    (tmp_path / "import" / "bad.csv").symlink_to(customer_csv(tmp_path / "secret.csv", {}))
    records, rejections = read(tmp_path / "import")
    assert len(records) == 1
    assert [(rejection.file, rejection.code) for rejection in rejections] == [("bad.csv", "blocked_path")]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    customer_csv(tmp_path / "good.csv", {})
    os.mkfifo(tmp_path / "pipe.csv")
    assert [rejection.code for rejection in read(tmp_path)[1]] == ["unreadable_file"]


def test_what_holds_nothing_to_read_is_refused_at_once_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("nothing to see")
    (tmp_path / "void.csv").write_text("\n")
    (tmp_path / "near.csv").write_text("adId,brand,started\n1,Acme,2026-01-01\n")
    (tmp_path / "far.csv").write_text("id;brand;copy\n1;Acme;Hello\n")
    (tmp_path / "near.json").write_text('[{"libId": "1", "competitor": "Acme", "text": "Hello"}]')
    for path, message in [
        (tmp_path / "gone", "doesn't exist"),
        (tmp_path / "empty", "is empty"),
        (tmp_path / "other", "holds no file of a known kind.*Known kinds: .*adId"),
        (tmp_path / "other" / "notes.txt", "is of no known kind.*Known kinds: .*ad_library_id"),
        (tmp_path / "void.csv", "void.csv can't be imported: the file is empty"),
        (tmp_path / "near.csv", "nearest to a CSV of a customer, but the column startDate is missing"),
        (tmp_path / "far.csv", "nearest to a CSV of a customer, but adId, startDate are missing"),
        (tmp_path / "near.json", "nearest to a JSON of a Meta monitor, but the column copy is missing"),
    ]:
        with pytest.raises(BadInputError, match=message) as refused:
            read_path(path)
        assert "\n" not in str(refused.value)


def test_the_same_file_again_gives_the_same_records(tmp_path: Path) -> None:
    customer_csv(tmp_path / "a.csv", {}, {"adId": "2"})
    monitor_json(tmp_path / "b.json", monitor_ad(), monitor_ad(2))
    assert read(tmp_path) == read(tmp_path)


def test_a_brand_given_for_the_import_is_the_brand_of_every_row(tmp_path: Path) -> None:
    customer_csv(tmp_path / "a.csv", {"brand": "Other"}, {"adId": "2", "brand": "Unknown"})
    records, rejections = read(tmp_path, brand="Bright Cup")
    assert {record.brand_name for record in records} == {"Bright Cup"}
    assert records[0].attributes["brand_as_written"] == "Other"
    assert rejections == []


def test_a_customers_ads_are_private_unless_said_otherwise() -> None:
    assert default_scope_is_private("customer")
    assert not default_scope_is_private("meta")


def test_a_message_about_a_row_says_what_to_do(tmp_path: Path) -> None:
    rejection = read(customer_csv(tmp_path / "a.csv", {"adId": "1.23E+15"}))[1][0]
    assert re.search("digits are lost; export again", rejection.reason)
    assert len(rejection.excerpt) <= 200
    assert next(iter(CUSTOMER_COLUMNS)) in rejection.excerpt
