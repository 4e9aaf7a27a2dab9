"""The roles on their own schedules, as a process runs them."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import text

from core.adapters.postgres.roles import Cluster
from core.domain.principal import LOCAL_PRINCIPAL
from core.pipeline.imports import Importer
from daemon.roles import ROLES, start_roles
from tests.running_system import an_ad, running_services

_PATIENCE_SECONDS = 60


def test_started_roles_carry_an_import_to_its_last_label(cluster: Cluster, tmp_path: Path) -> None:
    with running_services(cluster, tmp_path) as (services, registry, _):
        running = start_roles(ROLES, services.settings, services, registry)
        try:
            importer = Importer(services.database, services.objects, services.settings.media_max_bytes)
            request_id = importer.import_records(LOCAL_PRINCIPAL, [an_ad("1"), an_ad("2")], [], scope="shared")
            deadline = time.monotonic() + _PATIENCE_SECONDS
            status = ""
            while status not in ("completed", "failed") and time.monotonic() < deadline:
                time.sleep(0.1)
                with services.database.reader(LOCAL_PRINCIPAL) as connection:
                    statement = text("SELECT status FROM request WHERE request_id = :id")
                    status = connection.execute(statement, {"id": request_id}).scalar_one()
        finally:
            running.stop()

        assert status == "completed"
        with services.database.reader(LOCAL_PRINCIPAL) as connection:
            assert connection.execute(text("SELECT count(*) FROM ad")).scalar_one() == 2
            unread = "SELECT count(*) FROM content WHERE labelled_with IS NULL"
            assert connection.execute(text(unread)).scalar_one() == 0
        with services.database.machinery() as connection:
            assert connection.execute(text("SELECT roles FROM heartbeat")).scalars().all() == [",".join(sorted(ROLES))]
