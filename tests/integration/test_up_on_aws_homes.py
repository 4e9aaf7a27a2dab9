"""``adology up`` with the addresses of SQS, S3 and MongoDB runs the same flow: only the settings differ."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.messages import QUEUES
from tests.fakes.mongo_server import MongoServer
from tests.fakes.seaweed import Seaweed
from tests.fakes.sqs_clients import sqs_client
from tests.fakes.sqs_server import SqsServer
from tests.running_system import DAY, a_picture
from tests.running_up import RunningUp


@pytest.fixture
def sqs() -> Iterator[SqsServer]:
    with SqsServer() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two ads of a monitor, one with a picture."""
    shown = {"type": "image", "first_seen": DAY.isoformat(), "last_seen": DAY.isoformat()}
    acme = {"competitor": "Acme", "advertiser": "Acme"}
    ads = [
        {"libId": "1", "copy": "Buy one now.", "images": [{"file": "red.png"}], **acme, **shown},
        {"libId": "2", "copy": "Or two, half price.", **acme, **shown},
    ]
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "ads.json").write_text(json.dumps(ads), encoding="utf-8")
    (folder / "red.png").write_bytes(a_picture("red"))
    return folder


def test_up_over_sqs_s3_and_mongodb_imports_as_it_does_at_home(
    home: Path, folder: Path, sqs: SqsServer, s3: Seaweed, mongo: MongoServer
) -> None:
    name = uuid.uuid4().hex
    up = RunningUp(
        home,
        ADOLOGY_QUEUE_URL=f"sqs://{sqs.region}/adology-?endpoint={sqs.url}",
        ADOLOGY_OBJECTS_URL=s3.url(name),
        ADOLOGY_DOCUMENTS_URL=mongo.url(name),
    )
    try:
        up.wait_until_up()
        said = up.command("import", str(folder), "--scope", "shared", "--wait")
    finally:
        assert up.end(signal.SIGTERM) == 0

    assert "rows 2 = stored 2 + rejected 0" in said
    assert "ads 2: new 2" in said
    stored = s3.client.list_objects_v2(Bucket=s3.bucket, Prefix=f"{name}/")["Contents"]
    assert len(stored) >= 2  # the picture and the staged records
    assert not any((home / "objects").rglob("*.*"))
    with mongo.client() as client:
        assert client[name]["documents"].count_documents({}) == 2
    made = {url.rpartition("/")[2] for url in sqs_client(sqs.url).list_queues()["QueueUrls"]}
    assert made == {f"adology-{queue}" for queue in QUEUES}
