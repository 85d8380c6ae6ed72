"""Making a PostgreSQL cluster, in a place that the account it runs under can reach, and finding it again."""

import hashlib
import logging
import os
import secrets
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from config.embedded import daemons
from config.embedded.daemons import Account, EmbeddedServerError, Profile
from config.embedded.postgres_binaries import Binaries, find_binaries

_log = logging.getLogger(__name__)

DATABASE = "creditbox"
OWNER = "credit_owner"
APPLICATION = "credit_app"

LONGEST_PATH = 600  # PostgreSQL builds names of up to 1,023 bytes on top of it

_HBA = """\
# Written by the project when it made this cluster.
local all         all                   scram-sha-256
host  all         all    127.0.0.1/32   scram-sha-256
local replication all                   scram-sha-256
host  replication all    127.0.0.1/32   scram-sha-256
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a cluster and copied binaries may lie, and the account that works there."""

    directory: Path
    shared: Path
    account: Account

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def run(self) -> Path:
        return self.directory / "run"


# ------------------------------------------------------------------------------------------- where it may live


def known_directories(root: Path, home: Path) -> list[Path]:
    """Every directory in which a server of this checkout and profile may be found running."""
    pointer = daemons.read_private(home / "place.json").get("directory")
    strays = [path for base in _bases_elsewhere(root) for path in base.glob(f"{_prefix_elsewhere(home)}*")]
    return list(dict.fromkeys([home.resolve(), *([Path(pointer)] if pointer else []), *strays]))


def _bases_elsewhere(root: Path) -> list[Path]:
    name = "creditbox-" + hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:10]
    parents = ("/var/lib", "/var/tmp", "/tmp")  # noqa: S108 - _open_place looks whose the folder is
    return [Path(parent, name) for parent in parents]


def _prefix_elsewhere(home: Path) -> str:
    return "test-" if home.parent.name == "test" else "default-"


def remove_places_elsewhere(root: Path) -> None:
    """Delete what this checkout keeps outside it: clusters, old ones too, and copied programs."""
    for base in _bases_elsewhere(root):
        if base.is_dir() and not base.is_symlink() and base.stat().st_uid == os.geteuid():
            shutil.rmtree(base)


def settle(root: Path, home: Path, profile: Profile) -> tuple[Place, Binaries]:
    """Find the cluster, or make one in the first place where that works."""
    pointer = daemons.read_private(home / "place.json").get("directory")
    if pointer and Path(pointer, "data").exists():
        directory = Path(pointer)
        place = Place(directory=directory, shared=directory.parent, account=_owner_of(directory / "data"))
    elif (home / "data").exists():
        place = Place(
            directory=home.resolve(), shared=root.resolve() / "var", account=_owner_of(home / "data")
        )
    else:
        return _make_cluster_somewhere(root, home, profile)

    try:
        binaries = find_binaries(root, data=place.data, account=place.account, copy_to=place.shared)
    except EmbeddedServerError:
        if profile != "test":
            raise
        shutil.rmtree(
            place.data
        )  # test databases are made anew by every run: no reason to keep an old cluster
        return _make_cluster_somewhere(root, home, profile)
    if not daemons.read_private(home / "passwords.json"):
        _set_passwords(home, place, binaries, place.data)
    return place, binaries


def _owner_of(data: Path) -> Account:
    entry = data.stat()
    current = Account.current()
    if entry.st_uid == current.uid:
        return current
    if current.uid != 0:
        raise EmbeddedServerError(
            f"The database in {data} was made when the project ran as another account (number {entry.st_uid}, as root "
            "does it). Run as root again, or move that folder away to start with an empty database."
        )
    return Account(name=str(entry.st_uid), uid=entry.st_uid, gid=entry.st_gid)


def _make_cluster_somewhere(root: Path, home: Path, profile: Profile) -> tuple[Place, Binaries]:
    account = Account.current() if os.geteuid() != 0 else Account.named("postgres", "nobody")
    refusals = []
    here = Place(directory=home.resolve(), shared=root.resolve() / "var", account=account)
    # A new name for a new var/: whoever deletes var/ wants to start anew, and books are never deleted by a machine.
    token = _prefix_elsewhere(home) + secrets.token_hex(4)
    elsewhere = [
        Place(directory=base / token, shared=base, account=account) for base in _bases_elsewhere(root)
    ]
    for place in [here, *elsewhere]:
        try:
            _open_place(place, in_the_open=place is not here)
            if place is not here:
                daemons.write_private(home / "place.json", {"directory": str(place.directory)})
            binaries = find_binaries(root, data=None, account=account, copy_to=place.shared)
            _make_cluster(home, place, binaries, profile)
        except (OSError, EmbeddedServerError) as error:
            refusals.append(f"  in {place.directory}: {error}")
            continue
        if place is here:
            (home / "place.json").unlink(missing_ok=True)
        else:
            _log.warning("The database lies in %s, not under var/:\n%s", place.directory, "\n".join(refusals))
        return place, binaries
    raise EmbeddedServerError("PostgreSQL could not be set up.\n" + "\n".join(refusals))


def _open_place(place: Place, *, in_the_open: bool) -> None:
    """Create a place and make sure that the server's account gets in, and in the open (/tmp) that it is ours."""
    if len(os.fsencode(place.directory)) > LONGEST_PATH or "\n" in str(place.directory):
        raise EmbeddedServerError("the path is too long for PostgreSQL, or holds a line break")
    daemons.make_directory(place.shared)
    daemons.make_directory(place.directory)
    for directory in (place.shared, place.directory) if in_the_open else ():
        entry = directory.lstat()
        if directory.is_symlink() or entry.st_uid != os.geteuid() or entry.st_mode & 0o022:
            raise EmbeddedServerError(f"{directory} belongs to somebody else, or others may write to it")
    reached = subprocess.run(
        [daemons.SHELL, "-c", 'cd "$1"', daemons.SHELL, str(place.directory)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd="/",
        check=False,
        **place.account.switch(),
    )
    if reached.returncode != 0:
        raise EmbeddedServerError(f"account {place.account.name} cannot enter it")


# -------------------------------------------------------------------------------------------- making a cluster


def _make_cluster(home: Path, place: Place, binaries: Binaries, profile: Profile) -> None:
    """Make a whole cluster under another name and put it in place last: a crash leaves nothing half-made."""
    for leftover in place.directory.glob("data.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    new = place.directory / f"data.new-{secrets.token_hex(4)}"
    new.mkdir(mode=0o700)
    if not place.account.is_current:
        os.chown(new, place.account.uid, place.account.gid)
    try:
        binaries.run(
            "initdb",
            f"--pgdata={new}",
            f"--username={OWNER}",
            "--encoding=UTF8",
            *binaries.locale_arguments(),
            "--auth=trust",  # replaced below, before any server listens
            "--data-checksums",
            *(["--no-sync"] if profile == "test" else []),
        )
        write_as(place.account, new / "pg_hba.conf", _HBA)
        _append_as(place.account, new / "postgresql.conf", "\ninclude_if_exists = 'creditbox.conf'\n")
        _set_passwords(home, place, binaries, new, f"CREATE DATABASE {DATABASE} OWNER {OWNER};")
        os.rename(new, place.data)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


def _set_passwords(home: Path, place: Place, binaries: Binaries, data: Path, *statements: str) -> None:
    """Give both logins new passwords without a password: in single-user mode, while no server runs."""
    passwords = {OWNER: secrets.token_urlsafe(24), APPLICATION: secrets.token_urlsafe(24)}
    binaries.run(
        "postgres",
        "--single",
        *("-D", str(data)),
        *("-c", "exit_on_error=true"),
        *("-c", "log_statement=none"),
        "postgres",
        typed="\n".join(
            [
                f"DO $$ BEGIN IF to_regrole('{APPLICATION}') IS NULL THEN CREATE ROLE {APPLICATION}; END IF; END $$;",
                f"ALTER ROLE {APPLICATION} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE "
                f"PASSWORD '{passwords[APPLICATION]}';",
                f"ALTER ROLE {OWNER} PASSWORD '{passwords[OWNER]}';",
                *statements,
                "",
            ]
        ),
    )
    daemons.write_private(home / "passwords.json", passwords)


def write_as(account: Account, path: Path, text: str) -> None:
    _shell_as(account, f"cat > {shlex.quote(str(path))}", text)


def _append_as(account: Account, path: Path, text: str) -> None:
    _shell_as(account, f"cat >> {shlex.quote(str(path))}", text)


def _shell_as(account: Account, script: str, text: str) -> None:
    """Write as the account that owns the folder: root must not follow links that another account could lay there."""
    done = subprocess.run(
        [daemons.SHELL, "-c", script],
        input=text,
        text=True,
        capture_output=True,
        cwd="/",
        env=daemons.bare_environment(),
        umask=0o077,
        check=False,
        **account.switch(),
    )
    if done.returncode != 0:
        raise EmbeddedServerError(f"cannot write the server's configuration: {done.stderr.strip()}")
