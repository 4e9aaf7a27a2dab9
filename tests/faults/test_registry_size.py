"""What a registry needs in memory: 20,000 items with embeddings in one run, and 10,000 brands one after the other."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import urllib3
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.adapters.postgres.run_store import PostgresRunStore
from core.domain.run import Item, ItemKind, ItemResult, ItemState
from core.pipeline.store import NewRun
from registry.active_brands import ActiveBrands
from tests.fakes.memory_journal import LEASE_SECONDS, MemoryJournal, MemoryStore, MovableClock
from tests.faults.figures import tell
from tests.faults.registry_process import RegistryProcess, until

ITEMS, SUBMITTED, DIMENSION = 20_000, 1_000, 512
MOST_MEGABYTES = 500
EMBEDDING = [0.1] * DIMENSION  # written as 0.10000000149011612: the longest that a float32 gets


@pytest.fixture
def process(cluster: Cluster, tmp_path: Path) -> Iterator[RegistryProcess]:
    process = RegistryProcess(cluster, tmp_path)
    until(lambda: process.status("/readyz") == 200, "a registry that serves")
    yield process
    process.kill()
    process.close()


def store_a_run(database: Database) -> None:
    """Of all its items the last thousand wait for their result."""
    items = (Item(f"item-{n:05}", ItemKind.MEDIA, "image", f"https://a.example/{n}") for n in range(ITEMS))
    with PostgresRunStore(database).transaction() as store:
        store.runs.insert(NewRun("run", "shared", "nike", ITEMS, "run", {}))
        store.items.insert_manifest("run", "shared", [], items)
    embedding = f"decode(repeat('cdcccc3d', {DIMENSION}), 'hex')"
    statement = f"UPDATE run_item SET state = 'ok', embedding = {embedding} WHERE item_id < :first"
    with database.machinery() as connection:
        connection.execute(text(statement), {"first": f"item-{ITEMS - SUBMITTED:05}"})


def peak_megabytes(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (peak,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peak) / 1024


def read_slowly(process: RegistryProcess) -> int:
    """The length of ``/results``, of which nothing is kept."""
    pool = urllib3.PoolManager(retries=False, timeout=60)
    with pool.request("GET", f"{process.url}/results/nike", preload_content=False) as response:
        assert response.status == 200
        return sum(len(block) for block in response.stream(65_536))


def test_a_run_of_twenty_thousand_embeddings_stays_below_its_limit(
    process: RegistryProcess, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    store_a_run(database)
    (worker,) = process.workers
    idle = peak_megabytes(worker)
    assert process.post("/start", {"brand": "nike", "expected_count": ITEMS, "batch_id": "run"}).status == 200

    def submit(number: int) -> bool:
        result = {"url": f"https://a.example/{number}", "embedding": EMBEDDING}
        body = {"brand": "nike", "batch_id": "run", "item_id": f"item-{number:05}", "result": result}
        return bool(process.post("/submit", body).json["should_commit"])

    with ThreadPoolExecutor(8) as pool:
        commits = sum(pool.map(submit, range(ITEMS - SUBMITTED, ITEMS)))
        submitting = peak_megabytes(worker)
        lengths = set(pool.map(lambda _: read_slowly(process), range(2)))
    reading = peak_megabytes(worker)

    assert commits == 1
    assert min(lengths) > ITEMS * DIMENSION * 19
    assert reading < MOST_MEGABYTES
    tell(
        capsys, "registry_size", items=ITEMS, dimension=DIMENSION, peak_mb_idle=round(idle),
        peak_mb_submitting=round(submitting), peak_mb_two_readers=round(reading), answer_mb=max(lengths) // 2**20,
    )  # fmt: skip


def test_ten_thousand_brands_that_are_given_up_leave_the_memory_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    clock = MovableClock()
    store = MemoryStore(clock)
    brands = ActiveBrands(MemoryJournal(store), monotonic=clock, lease_seconds=LEASE_SECONDS)
    most, kilobytes = 0, []
    tracemalloc.start()

    for number in range(10_000):
        brand, run = f"brand-{number}", f"run-{number}"
        store.open_run(run, [f"{run}-{item}" for item in range(5)], brand=brand)
        brands.hold()
        brands.start(brand=brand, scope="shared", expected_count=5, batch_id=run)
        item = Item(f"{run}-0", ItemKind.MEDIA, "image", "https://a.example/0")
        brands.submit(
            brand=brand, scope="shared", item=item, result=ItemResult(item.item_id, item.url, ItemState.OK),
            batch_id=run,
        )  # fmt: skip
        clock.advance(1)  # and nobody ever asks about it again
        store.runs.pop(f"run-{number - 100}", None)  # the store is not what is measured
        most = max(most, len(brands._batches))
        if number % 1_000 == 999:
            kilobytes.append(tracemalloc.get_traced_memory()[0] / 1024)
    tracemalloc.stop()

    assert most <= LEASE_SECONDS + 2
    assert max(kilobytes) <= 1.1 * kilobytes[0]
    tell(capsys, "registry_size", brands=10_000, most_in_memory=most, kb=[round(size) for size in kilobytes])
