"""The embedded PostgreSQL: starts anywhere, lets only its holder in, survives kills, leaves nothing behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest
from sqlalchemy import make_url

from core.adapters.postgres.embedded import EmbeddedPostgres, database_url_file
from core.errors import BadInputError, ConflictError, UnavailableError

FAST = {"fsync": "off", "shared_buffers": "16MB"}
HOLDER = """
import sys
from pathlib import Path
from core.adapters.postgres.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]), settings={"fsync": "off", "shared_buffers": "16MB"})
postgres.start()
sys.stdout.write(f"{postgres.pid}\\n")
sys.stdout.flush()
sys.stdin.read()
"""

Hold = Callable[[Path], tuple[subprocess.Popen[str], psutil.Process]]


def query(url: str, statement: str) -> object:
    address = make_url(url)
    connection = psycopg2.connect(user=address.username, dbname=address.database, **address.query)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


@pytest.fixture
def hold() -> Iterator[Hold]:
    """Start a process that holds a server; gives the process and the server."""
    holders: list[subprocess.Popen[str]] = []

    def start(home: Path) -> tuple[subprocess.Popen[str], psutil.Process]:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        holders.append(holder)
        assert holder.stdout is not None
        pid = next(line for line in holder.stdout if line.strip().isdigit())  # after lines of log
        return holder, psutil.Process(int(pid))

    yield start
    for holder in holders:
        holder.kill()
        holder.communicate()


def test_the_server_answers_and_stops_without_a_trace(home: Path) -> None:
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        assert query(postgres.url, "SELECT 1") == 1
        assert postgres.pid is not None
        server = psutil.Process(postgres.pid)
    assert not server.is_running()
    assert not database_url_file(home).exists()


def test_rows_survive_a_restart(home: Path) -> None:
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        query(postgres.url, "CREATE TABLE kept AS SELECT 7 AS n")
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        assert query(postgres.url, "SELECT n FROM kept") == 7


@pytest.mark.parametrize("name", ["with a space", "광고", "quote'd", "x" * 150], ids=lambda name: name[:12])
def test_any_home_path_works(home: Path, name: str) -> None:
    with EmbeddedPostgres(home / name, settings=FAST) as postgres:
        assert query(postgres.url, "SELECT 1") == 1


def test_korean_and_japanese_words_have_trigrams(home: Path) -> None:
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        query(postgres.url, "CREATE EXTENSION pg_trgm")
        assert query(postgres.url, "SELECT cardinality(show_trgm('광고 テスト'))") == 7


def test_no_network_address_is_listened_on(home: Path) -> None:
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        assert postgres.pid is not None
        assert psutil.Process(postgres.pid).net_connections(kind="inet") == []


def test_data_and_socket_are_closed_to_other_users(home: Path) -> None:
    with EmbeddedPostgres(home, settings=FAST):
        for private in ("data", "socket"):
            assert stat.S_IMODE((home / "postgres" / private).stat().st_mode) == 0o700
        assert stat.S_IMODE(database_url_file(home).stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_local_user_is_refused_even_at_an_open_socket(home: Path) -> None:
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        socket_folder = home / "postgres" / "socket"
        socket_folder.chmod(0o777)
        psql = Path(str(psutil.Process(postgres.pid).exe())).with_name("psql")
        command = [str(psql), "-h", str(socket_folder), "-U", "postgres", "-c", "SELECT 1"]
        as_nobody = {"user": 65534, "group": 65534, "extra_groups": []}
        answer = subprocess.run(command, check=False, capture_output=True, text=True, **as_nobody)
    assert "Peer authentication failed" in answer.stderr


def test_a_second_holder_is_told_of_the_first(home: Path, hold: Hold) -> None:
    hold(home)
    with pytest.raises(ConflictError, match="another process runs the database"):
        EmbeddedPostgres(home, settings=FAST).start()
    assert query(database_url_file(home).read_text(), "SELECT 1") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_the_server_goes_when_its_holder_is_killed(home: Path, hold: Hold) -> None:
    holder, server = hold(home)
    holder.kill()
    server.wait(timeout=20)


def test_a_home_is_usable_again_after_holder_and_server_were_killed(home: Path, hold: Hold) -> None:
    holder, server = hold(home)
    query(database_url_file(home).read_text(), "CREATE TABLE kept AS SELECT 7 AS n")
    server.kill()
    holder.kill()
    holder.wait()
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        assert query(postgres.url, "SELECT n FROM kept") == 7


def test_a_server_that_outlived_its_holder_is_replaced(home: Path, hold: Hold) -> None:
    holder, leftover = hold(home)
    leftover.suspend()  # so that the signal of its holder's death can't reach it yet
    holder.kill()
    holder.wait()
    leftover.send_signal(signal.SIGCONT)
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        assert postgres.pid != leftover.pid
        assert query(postgres.url, "SELECT 1") == 1


def test_a_pid_file_that_names_another_program_is_forgotten(home: Path) -> None:
    with EmbeddedPostgres(home, settings=FAST):
        lines = (home / "postgres/data/postmaster.pid").read_text().splitlines()
    lines[0] = str(os.getppid())
    (home / "postgres/data/postmaster.pid").write_text("\n".join(lines))
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        assert query(postgres.url, "SELECT 1") == 1


def test_an_interrupted_first_start_is_begun_anew(home: Path) -> None:
    (home / "postgres/data.new").mkdir(parents=True)
    (home / "postgres/data.new/PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        assert query(postgres.url, "SELECT 1") == 1


def test_a_refused_setting_is_reported_with_the_servers_own_words(home: Path) -> None:
    with pytest.raises(UnavailableError, match="no_such_setting"):
        EmbeddedPostgres(home, settings={"no_such_setting": "1"}).start()


def test_a_home_that_is_a_file_is_bad_input(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(BadInputError, match="ADOLOGY_HOME"):
        EmbeddedPostgres(home / "file").start()


def test_starting_twice_is_one_server(home: Path) -> None:
    with EmbeddedPostgres(home, settings=FAST) as postgres:
        pid = postgres.pid
        postgres.start()
        assert postgres.pid == pid
