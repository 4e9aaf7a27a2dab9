"""SeaweedFS as S3 on loopback: it checks signatures, conditions and checksums and takes uploads in parts."""

from __future__ import annotations

import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core.adapters.child_process import die_with_parent, end_process
from core.settings import child_environment

BUCKET = "adology"
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "adology-tests", "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests"}
_PORTS = tuple(f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3", "admin") for kind in ("", ".grpc"))
_WITHOUT = ("-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false")
_START_SECONDS = 60.0


@dataclass(frozen=True)
class Seaweed:
    """A running server with one bucket and one key."""

    endpoint: str
    bucket = BUCKET
    credentials = CREDENTIALS

    @property
    def client(self) -> Any:
        """A client of one's own, that asks once and looks everywhere."""
        return client(self.endpoint)

    def url(self, prefix: str, **options: str) -> str:
        """An ADOLOGY_OBJECTS_URL for a part of the bucket of one's own."""
        return f"s3://{BUCKET}/{prefix}?{urlencode({'region': REGION, 'endpoint': self.endpoint, **options})}"


@contextmanager
def seaweed(folder: Path) -> Iterator[Seaweed]:
    """Serve until the block ends; data and log lie in ``folder``."""
    ports = dict(zip(_PORTS, _free_ports(len(_PORTS)), strict=True))
    command = [
        *(str(Path(sysconfig.get_path("scripts")) / "weed"), "mini", *_WITHOUT),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", f"-bucket={BUCKET}", "-s3.autoCreateBucket=false"),
        *(f"-filer.localSocket={folder / 'filer.sock'}", f"-s3.localSocket={folder / 's3.sock'}"),
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    log = folder / "weed.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=child_environment(**CREDENTIALS),
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one system call, no Python locks
        )
    endpoint = f"http://127.0.0.1:{ports['s3.port']}"
    try:
        _wait_until_ready(process, log, endpoint)
        yield Seaweed(endpoint)
    finally:
        end_process(process, [(signal.SIGTERM, 10.0)])


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path, endpoint: str) -> None:
    """The bucket is made last."""
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            client(endpoint).head_bucket(Bucket=BUCKET)
        except (BotoCoreError, ClientError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"SeaweedFS isn't ready: {log.read_text(errors='replace')[-2000:]}")


def client(endpoint: str, **options: Any) -> Any:
    """A client of S3 with our key, that asks once."""
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **options),
    )


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has now, all different."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
