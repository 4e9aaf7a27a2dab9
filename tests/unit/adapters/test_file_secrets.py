"""What only the secrets file promises: one owner, one key, no plain value on disk or in a log."""

import io
import logging
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.adapters.file_secrets import FileSecretStore
from core.errors import TerminalError
from core.observability.logs import get_logger, log_formatter

PROJECT = Path(__file__).parents[3]
CANARY = "canary-value-7f3a"


@pytest.fixture
def store(tmp_path: Path) -> FileSecretStore:
    return FileSecretStore(tmp_path)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_enter_the_folder_or_read_a_file(store: FileSecretStore, tmp_path: Path) -> None:
    store.put("name", CANARY)

    assert mode(tmp_path / "secrets") == 0o700
    assert {mode(path) for path in (tmp_path / "secrets").iterdir()} == {0o600}


def test_no_value_and_no_name_lies_on_disk_in_plain(store: FileSecretStore, tmp_path: Path) -> None:
    store.put("a-telling-name", CANARY)

    content = b"".join(path.read_bytes() for path in (tmp_path / "secrets").iterdir())
    assert CANARY.encode() not in content
    assert b"a-telling-name" not in content


def test_loosened_permissions_are_tightened_before_use(store: FileSecretStore, tmp_path: Path) -> None:
    store.put("name", CANARY)
    folder = tmp_path / "secrets"
    folder.chmod(0o755)
    (folder / "key").chmod(0o644)
    (folder / "secrets.encrypted").chmod(0o666)

    assert FileSecretStore(tmp_path).get("name") == CANARY
    assert mode(folder) == 0o700
    assert {mode(path) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("content", [b"", b"not a token", b"gAAAAAB" + b"A" * 100])
@pytest.mark.parametrize("file", ["key", "secrets.encrypted"])
def test_a_damaged_file_is_a_clear_error_and_is_not_written_over(
    store: FileSecretStore, tmp_path: Path, file: str, content: bytes
) -> None:
    store.put("name", CANARY)
    damaged = tmp_path / "secrets" / file
    damaged.write_bytes(content)

    for use in (store.get, store.get_or_create):
        with pytest.raises(TerminalError, match="restore both"):
            use("name")
    with pytest.raises(TerminalError):
        store.put("other", "value")
    assert damaged.read_bytes() == content


def test_a_lost_key_is_never_replaced_by_a_new_one(store: FileSecretStore, tmp_path: Path) -> None:
    store.put("name", CANARY)
    (tmp_path / "secrets/key").unlink()

    with pytest.raises(TerminalError, match="key is missing"):
        store.get_or_create("name")
    assert not (tmp_path / "secrets/key").exists()


def test_processes_that_ask_at_once_get_the_same_secret(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from core.adapters.file_secrets import FileSecretStore
sys.stdin.readline()
print(FileSecretStore(Path(sys.argv[1])).get_or_create("link-key"))
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    processes = [
        subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    created = {process.communicate()[0].strip() for process in processes}

    assert created == {FileSecretStore(tmp_path).get("link-key")}


def test_a_value_read_from_the_store_never_reaches_a_log(store: FileSecretStore) -> None:
    store.put("name", CANARY)
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(log_formatter(json=True))
    logging.getLogger("provider").addHandler(handler)

    get_logger("provider").warning("call failed", text=f"refused {store.get('name')}")

    logging.getLogger("provider").removeHandler(handler)
    assert "refused" in written.getvalue()
    assert CANARY not in written.getvalue()
