"""The store's own witness: triggers note each effect in the transaction that has it, and the record is read as rows.

What is rolled back leaves no note; what is done twice leaves two. The product knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import URL, create_engine, text

from tests.faults.soak.elements import Element

_INSTALL = """
CREATE TABLE soak_journal (at timestamptz DEFAULT clock_timestamp(), effect text, key text, fence bigint);
CREATE FUNCTION soak_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF TG_ARGV[0] = 'settled' THEN
    INSERT INTO soak_journal (effect, key) VALUES ('settled', NEW.batch_id || '/' || NEW.item_id);
  ELSE
    INSERT INTO soak_journal (effect, key, fence) VALUES (TG_ARGV[0], NEW.batch_id, NEW.fence);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER soak_committed AFTER UPDATE OF state ON run
  FOR EACH ROW WHEN (NEW.state = 'committed') EXECUTE FUNCTION soak_note('committed');
CREATE TRIGGER soak_read AFTER UPDATE OF ai_state ON run
  FOR EACH ROW WHEN (NEW.ai_state = 'done' AND OLD.ai_state <> 'done') EXECUTE FUNCTION soak_note('read');
CREATE TRIGGER soak_settled AFTER UPDATE OF state ON run_item
  FOR EACH ROW WHEN (NEW.state <> 'pending') EXECUTE FUNCTION soak_note('settled');
"""

_RECORD = {
    "ad": "SELECT brand_slug, external_id FROM ad",
    "said": "SELECT s.brand_slug, s.scanned_on::text, a.external_id, v.text_hash FROM observation o"
    " JOIN scan s USING (scan_id) JOIN ad_version v USING (version_id) JOIN ad a ON a.ad_id = o.ad_id",
    "medium": "SELECT a.external_id, m.url, coalesce(m.sha256, m.status) FROM ad_media m JOIN ad a USING (ad_id)",
    "creative": "SELECT sha256 FROM creative",
    "text": "SELECT content_id FROM content WHERE labelled_with IS NOT NULL",
    "request": "SELECT request_id, status FROM request",
}

_UNDONE = {
    "requests": "SELECT count(*) FROM request WHERE status IN ('queued', 'processing')",
    "runs": "SELECT count(*) FROM run WHERE state IN ('open', 'committing')",
    "readings": "SELECT count(*) FROM run WHERE ai_state IN ('pending', 'running')",
    "outbox": "SELECT count(*) FROM outbox",
}

_KEEP = "SELECT queue, body FROM queue_message ORDER BY random() LIMIT :most"
_SEND = "INSERT INTO queue_message (queue, body) VALUES (:queue, :body)"
_BUSY = (
    "SELECT DISTINCT substring(application_name FROM '-([0-9]+)$')::int AS pid FROM pg_stat_activity"
    " WHERE application_name LIKE 'adology_worker-%' AND xact_start < clock_timestamp() - interval '20 milliseconds'"
)
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ ('-(' || :pids || ')$')"


class Witness:
    """The database seen by its superuser, whom no policy and no fault concerns."""

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(url, pool_size=4)

    def install(self) -> None:
        """Begin to note."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(_INSTALL)

    def record(self) -> Iterator[Element]:
        """Every element the record holds, as often as it holds it."""
        for name, statement in _RECORD.items():
            for row in self._rows(statement):
                yield (name, *row)

    def effects(self) -> Iterator[Element]:
        """("committed", batch), ("settled", batch/item) and ("read", batch), once for each time it happened."""
        for row in self._rows("SELECT effect, key FROM soak_journal ORDER BY at"):
            yield (row.effect, row.key)

    def runs(self) -> list[dict[str, Any]]:
        """The runs as they stand."""
        statement = (
            "SELECT batch_id, brand_slug, state, ai_state, fence, ai_fence, partial, error, expected_count,"
            " source::text, created_at::text, last_progress_at::text FROM run ORDER BY created_at"
        )
        return [dict(row._mapping) for row in self._rows(statement)]

    def failed_items(self) -> list[dict[str, Any]]:
        """Items that ended without their medium, with the reason."""
        statement = "SELECT batch_id, url, status, reason FROM run_item WHERE state = 'failed' AND kind = 'media'"
        return [dict(row._mapping) for row in self._rows(statement)]

    def undone(self) -> dict[str, int]:
        """How much there still is to do, by kind."""
        return {name: self._rows(statement)[0][0] for name, statement in _UNDONE.items()}

    def busy(self) -> set[int]:
        """The processes that are in the middle of a transaction."""
        return {row.pid for row in self._rows(_BUSY)}

    def cut(self, pids: Sequence[int]) -> int:
        """End every connection of these processes; returns how many there were."""
        return len(self._rows(_END, pids="|".join(map(str, pids))))

    def some_messages(self, most: int) -> list[dict[str, str]]:
        """Messages that are in the queues now."""
        return [dict(row._mapping) for row in self._rows(_KEEP, most=most)]

    def send(self, messages: Sequence[dict[str, str]]) -> None:
        """Put messages into their queues."""
        with self._engine.begin() as connection:
            connection.execute(text(_SEND), list(messages))

    def close(self) -> None:
        """End the connections."""
        self._engine.dispose()

    def _rows(self, statement: str, **values: Any) -> Sequence[Any]:
        with self._engine.begin() as connection:
            return connection.execute(text(statement), values).all()
