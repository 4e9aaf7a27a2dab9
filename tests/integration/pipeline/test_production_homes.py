"""The whole pipeline over S3 and MongoDB: only the settings differ, and nothing lies in the home folder."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from sqlalchemy import text

from core.adapters.postgres.roles import Cluster
from core.bootstrap import Services
from core.domain.principal import LOCAL_PRINCIPAL
from core.errors import NotAllowedError, UnavailableError
from daemon.roles import ROLES, start_roles
from tests.daemon.support import a_key
from tests.fakes.mongo_server import MongoServer
from tests.fakes.seaweed import Seaweed
from tests.running_system import DAY, System, a_picture, running_services, running_system

RED, BLUE = a_picture("red"), a_picture("blue", (640, 480))
PRIVATE = LOCAL_PRINCIPAL.scope


@pytest.fixture
def name() -> str:
    """Of the prefix in the bucket and of the database."""
    return uuid.uuid4().hex


@pytest.fixture
def system(cluster: Cluster, tmp_path: Path, s3: Seaweed, mongo: MongoServer, name: str) -> Iterator[System]:
    settings = {"objects_url": s3.url(name), "documents_url": mongo.url(name)}
    with running_system(cluster, tmp_path / "home", **settings) as system:
        system.services.objects.prepare()
        system.services.documents.prepare()
        yield system


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two ads of a monitor with a picture each."""
    ads = [
        {
            "libId": "1",
            "competitor": "Acme",
            "advertiser": "Acme",
            "copy": "Buy one now.",
            "images": [{"file": "r.png"}],
        },
        {"libId": "2", "competitor": "Acme", "advertiser": "Acme", "copy": "Or two.", "images": [{"file": "b.png"}]},
    ]
    folder = tmp_path / "export"
    folder.mkdir()
    shown = {"type": "image", "first_seen": DAY.isoformat(), "last_seen": DAY.isoformat()}
    (folder / "ads.json").write_text(json.dumps([ad | shown for ad in ads]), encoding="utf-8")
    (folder / "r.png").write_bytes(RED)
    (folder / "b.png").write_bytes(BLUE)
    return folder


def import_folder(system: System, folder: Path, scope: str) -> dict[str, Any]:
    request_id = system.importer.import_path(LOCAL_PRINCIPAL, folder, today=DAY, scope=scope)
    system.work()
    return system.request(request_id)


def objects_in(s3: Seaweed, name: str) -> set[str]:
    found = s3.client.list_objects_v2(Bucket=s3.bucket, Prefix=f"{name}/").get("Contents", [])
    return {item["Key"].rpartition("/")[2] for item in found}


def documents_in(mongo: MongoServer, name: str) -> list[dict[str, Any]]:
    with mongo.client() as client:
        return list(client[name]["documents"].find())


def get(url: str, headers: dict[str, str] | None = None) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url, retries=False, headers=headers)


def test_an_import_puts_its_media_into_s3_and_its_rows_into_mongodb(
    system: System, folder: Path, s3: Seaweed, mongo: MongoServer, name: str
) -> None:
    request = import_folder(system, folder, "shared")

    assert (request["status"], request["result"]["new"]) == ("completed", 2)
    creatives = {row["sha256"]: row for row in system.rows("creative")}
    assert set(creatives) <= objects_in(s3, name)
    assert {row["media_status"] for row in system.rows("ad")} == {"ok"}
    bodies = {row["document_id"]: row["body"] for row in documents_in(mongo, name)}
    assert set(bodies) == {row["raw_document_id"] for row in system.rows("ad")}
    assert system.rows("document") == []
    assert not (system.services.settings.home / "objects").exists()


def test_the_links_of_the_api_lead_to_s3_and_give_the_pictures(system: System, folder: Path, s3: Seaweed) -> None:
    import_folder(system, folder, "shared")

    key = {"Authorization": f"Bearer {a_key(system.services)}"}
    listed = json.loads(get(f"{system.services.settings.api_url}/api/v1/brandspaces/all/ads", key).data)["items"]

    links = [ad["cover_url"] for ad in listed]
    assert all(link.startswith(s3.endpoint) for link in links)
    assert {get(link).data for link in links} == {RED, BLUE}


def test_private_rows_stay_in_postgresql(system: System, folder: Path, mongo: MongoServer, name: str) -> None:
    import_folder(system, folder, "private")

    assert {row["scope"] for row in system.rows("ad", scope=PRIVATE)} == {PRIVATE}
    assert len(system.rows("document", scope=PRIVATE)) == 2
    assert documents_in(mongo, name) == []


def test_the_same_folder_again_changes_nothing(
    system: System, folder: Path, s3: Seaweed, mongo: MongoServer, name: str
) -> None:
    import_folder(system, folder, "shared")
    before = (system.record(), objects_in(s3, name), documents_in(mongo, name))

    again = import_folder(system, folder, "shared")

    assert (again["result"]["new"], again["result"]["seen_again"]) == (0, 2)
    assert (system.record(), objects_in(s3, name), documents_in(mongo, name)) == before


def test_no_role_starts_without_its_bucket(cluster: Cluster, tmp_path: Path, s3: Seaweed, name: str) -> None:
    url = s3.url(name).replace(s3.bucket, "nowhere")

    with running_services(cluster, tmp_path, objects_url=url) as (services, registry, _):
        with pytest.raises(UnavailableError, match="bucket 'nowhere' isn't there"):
            start_roles(ROLES, services.settings, services, registry)
        assert heartbeats(services) == 0


def test_no_role_starts_where_the_documents_are_refused(
    cluster: Cluster, tmp_path: Path, mongo: MongoServer, name: str
) -> None:
    with running_services(cluster, tmp_path, documents_url=mongo.url(name)) as (services, registry, _):
        with mongo.failing("createIndexes", errorCode=13), pytest.raises(NotAllowedError, match="readWrite"):
            start_roles(ROLES, services.settings, services, registry)
        assert heartbeats(services) == 0


def heartbeats(services: Services) -> int:
    with services.database.machinery() as connection:
        return int(connection.execute(text("SELECT count(*) FROM heartbeat")).scalar_one())
