"""A connection that breaks during COMMIT: whether it is done is read, never guessed and never tried blindly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from core.adapters.postgres.embedded import EmbeddedPostgres
from core.adapters.postgres.engine import Database, DatabaseUrls
from core.adapters.postgres.roles import Cluster
from core.adapters.postgres.run_store import PostgresRunStore
from core.domain.ad import AdRecord
from core.errors import RetryableError
from core.messages import URL_QUEUE
from core.pipeline.commit import Committer
from core.pipeline.record import write_record
from tests.faults.figures import tell
from tests.faults.severing_proxy import SeveringProxy
from tests.running_system import System, a_picture, an_ad, running_system

TIMES = 200 if os.environ.get("FULL") else 20
CLOSING = b"UPDATE run SET state = 'committed'"
LEASE_SECONDS = 60


@pytest.fixture
def system(cluster: Cluster, tmp_path: Path) -> Iterator[System]:
    with running_system(cluster, tmp_path) as system:
        yield system


@pytest.fixture
def proxy(postgres_server: EmbeddedPostgres) -> Iterator[SeveringProxy]:
    with SeveringProxy(postgres_server.socket_folder / ".s.PGSQL.5432", CLOSING) as proxy:
        yield proxy


@pytest.fixture
def committer(cluster: Cluster, proxy: SeveringProxy) -> Iterator[Committer]:
    """A committer that reaches the database through the proxy."""
    urls = cluster.urls
    database = Database(DatabaseUrls(*(_through(proxy, url) for url in (urls.app, urls.worker, urls.operator))))
    yield Committer(PostgresRunStore(database), write_record, LEASE_SECONDS)
    database.dispose()


def _through(proxy: SeveringProxy, url: URL) -> URL:
    return url.set(host="127.0.0.1", port=proxy.port, query={"sslmode": "disable", "gssencmode": "disable"})


def a_brand(system: System, number: int) -> list[AdRecord]:
    red = system.upload(a_picture("red"))
    name = f"Brand {number}"
    return [an_ad(f"{number}-1", brand_name=name), an_ad(f"{number}-2", "", red, brand_name=name)]


def complete_uncommitted(system: System, ads: list[AdRecord]) -> tuple[str, int]:
    """A run whose items have their results and whose committer is lost; its id and token."""
    system.ask(ads)
    system.work(without=[URL_QUEUE])
    with system.services.runs.transaction() as store:
        (run,) = store.runs.all_active()
    system.execute("UPDATE run_item SET state = 'failed', status = 'removed' WHERE batch_id = :id", id=run.batch_id)
    system.execute("DELETE FROM queue_message")
    with system.services.runs.transaction() as store:
        token = store.leases.grant(run.batch_id, lease_seconds=LEASE_SECONDS)
    assert token is not None
    return run.batch_id, token


def assert_committed_once(system: System, ads: list[AdRecord], brand: str) -> None:
    stored = system.rows("ad", "brand_slug = :brand", brand=brand)
    assert sorted(row["external_id"] for row in stored) == [ad.external_id for ad in ads]
    assert len(system.rows("scan", "brand_slug = :brand", brand=brand)) == 1
    (run,) = system.rows("run", "brand_slug = :brand", brand=brand)
    assert (run["state"], run["ai_state"], run["ledger"]["new"]) == ("committed", "done", len(ads))


def test_an_answer_to_commit_that_is_lost_is_a_commit(
    system: System, proxy: SeveringProxy, committer: Committer, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(TIMES):
        ads = a_brand(system, number)
        batch_id, token = complete_uncommitted(system, ads)
        proxy.cut_before_answer()

        committer.commit(batch_id, token=token)

        assert proxy.cuts == number + 1
        assert len(system.rows("outbox")) == 1
        system.sweep()
        assert_committed_once(system, ads, f"brand-{number}")
    tell(capsys, "lost-answers", answers_lost=TIMES, committed_once=TIMES)


def test_a_commit_that_is_lost_wrote_nothing_and_is_made_by_the_sweep(
    system: System, proxy: SeveringProxy, committer: Committer, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(TIMES):
        ads = a_brand(system, number)
        batch_id, token = complete_uncommitted(system, ads)
        proxy.cut_before_commit()

        with pytest.raises(RetryableError):
            committer.commit(batch_id, token=token)

        assert proxy.cuts == number + 1
        assert not system.rows("ad", "brand_slug = :brand", brand=f"brand-{number}")
        assert not system.rows("outbox")
        system.sweep()  # at once: the lease was given up
        assert_committed_once(system, ads, f"brand-{number}")
    tell(capsys, "lost-commits", commits_lost=TIMES, committed_once=TIMES)
