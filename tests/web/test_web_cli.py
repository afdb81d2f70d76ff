"""``karat serve`` as people start it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from karat.web.server import listen
from tests.cli.home import Home, home_with_network
from tests.cli.schemas import checked
from tests.web.serving import api, is_complete, wait_for

KARAT = [sys.executable, "-c", "import sys; from karat.cli.app import main; sys.exit(main())"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    with home_with_network(tmp_path, monkeypatch) as home:
        yield home


@contextmanager
def serving(home: Home, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*KARAT, "serve", "--json", "--port", "0", *options], env=home.env, cwd=home.folder,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.communicate()[1]
            text += line
        document = json.loads(text)
        checked(document)
        yield process, document["url"]
    finally:
        process.kill()
        process.communicate()


def test_serves_until_a_signal(home: Home) -> None:
    home.json("up", "--port", 0, "--fund", 0)
    for ending in (signal.SIGTERM, signal.SIGINT):
        with serving(home) as (process, url):
            assert url.startswith("http://127.0.0.1:")
            assert httpx.get(url).headers["content-type"].startswith("text/html")
            wait_for(lambda url=url: is_complete(url), "the index")
            assert api(url, "/tasks")["total"] == 0
            assert list((home.folder / "data/index").glob("local-*.sqlite"))
            process.send_signal(ending)
            _, said = process.communicate(timeout=20)
            assert (process.returncode, said) == (0, "")


def test_refusals(home: Home) -> None:
    assert "there is no network 'local'" in home.run("serve", code=3)[1]
    home.json("up", "--port", 0, "--fund", 0)
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} on 127.0.0.1 is taken" in home.run("serve", "--port", port, code=3)[1]
    names = home.folder / "names.toml"
    names.write_text("0x12 = 3")
    assert "names.toml" in home.run("serve", "--names", names, code=3)[1]
    home.run("serve", "--names", home.folder / "none.toml", code=2)
    home.run("serve", "--port", 70_000, code=2)
    home.json("down")
    assert "Traceback" not in home.run("serve", code=4)[1]


def test_without_the_extra_it_says_what_to_install(home: Home) -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from karat.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve"], env=home.env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "pip install 'karat[web]'" in done.stderr
