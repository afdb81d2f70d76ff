"""The Dockerfile and ``compose.yaml``, as far as they can be checked without Docker.

The compose file is read with models of just the keys it uses, so a misspelt one fails; every
command in it is run or checked against the command line; hadolint checks the Dockerfile.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from chain.devnet.anvil import anvil_command, find_anvil
from chain.devnet.base import Options
from chain.errors import ChainError
from chain.evm.node import connect_node
from tests.cli.home import Home, wait_until
from tests.docs.blocks import ROOT
from tests.docs.reader import free_port
from tests.docs.test_commands import check

FILE = (ROOT / "compose.yaml").read_text("utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
Port = Annotated[str, Field(pattern=r"^127\.0\.0\.1:\d+:\d+$")]  # nothing is public by default
Duration = Annotated[str, Field(pattern=r"^\d+s$")]


class Part(BaseModel):
    """A mapping of the Compose specification, with no other keys than these."""

    model_config = ConfigDict(extra="forbid")


class Health(Part):
    test: Annotated[list[str], Field(min_length=2)]
    interval: Duration
    timeout: Duration
    retries: int
    start_period: Duration | None = None


class Build(Part):
    context: Literal["."]
    target: str


class Condition(Part):
    condition: Literal["service_healthy", "service_completed_successfully"]


class Service(Part):
    image: str
    build: Build | None = None
    command: list[str] = []
    entrypoint: list[str] = []
    environment: dict[str, str] = {}
    volumes: list[Annotated[str, Field(pattern=r"^\w+:/\S+$")]] = []
    ports: list[Port] = []
    profiles: list[str] = []
    secrets: list[str] = []
    depends_on: dict[str, Condition] = {}
    healthcheck: Health | None = None
    read_only: bool = False
    cap_drop: list[str] = []
    security_opt: list[str] = []
    tmpfs: list[str] = []
    restart: Literal["no", "unless-stopped"]


class Secret(Part):
    file: str


class Compose(BaseModel):
    services: dict[str, Service]
    volumes: dict[str, None]
    secrets: dict[str, Secret]


COMPOSE = Compose.model_validate(yaml.safe_load(FILE))


def test_what_services_name_is_there() -> None:
    stages = set(re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.MULTILINE))
    for service in COMPOSE.services.values():
        assert {volume.split(":")[0] for volume in service.volumes} <= COMPOSE.volumes.keys()
        assert set(service.secrets) <= COMPOSE.secrets.keys()
        for name, condition in service.depends_on.items():
            needed = COMPOSE.services[name]
            assert (needed.healthcheck is not None) == ("healthy" in condition.condition)
        if service.build is not None:
            assert service.build.target in stages
        else:
            assert re.fullmatch(r"\S+:v\d+\.\d+\.\d+", service.image), "pin the version"


@pytest.mark.parametrize("name", [n for n, s in COMPOSE.services.items() if s.build])
def test_our_services_are_locked_down(name: str) -> None:
    service = COMPOSE.services[name]
    assert service.read_only
    assert service.cap_drop == ["ALL"]
    assert service.security_opt == ["no-new-privileges:true"]
    assert service.build is not None
    stage = DOCKERFILE.split(f" AS {service.build.target}\n")[1].split("\nFROM ")[0]
    assert "USER 10001" in stage
    assert service.healthcheck or service.restart == "no"


@pytest.mark.parametrize("name", ["web", "verifier"])
def test_commands_are_the_command_lines(name: str) -> None:
    words = COMPOSE.services[name].command
    known = "karat " + (words[0] if name == "web" else " ".join(words[:2]))
    check("compose.yaml", known, words)
    health = COMPOSE.services[name].healthcheck
    assert health is not None
    port = words[-1].rpartition(":")[2]
    assert f"http://127.0.0.1:{port}/" in health.test[-1]


def test_base_images_are_pinned_and_python_is_ours() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.search(r":\d+\.\d+(\.\d+)?-", image) for image in images)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"
    for copied in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE):
        for name in copied.split():
            assert (ROOT / name).exists(), name
            first = name.split("/")[0]
            kept = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
            assert name in kept or first in kept, f".dockerignore leaves {name} out"


def test_the_dockerfile_is_lint_free() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint has no package for this platform")
    done = subprocess.run(
        [hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def node(tmp_path: Path) -> Iterator[str]:
    """The node service's own command, on a free port of this machine."""
    changes = {"--host": "127.0.0.1", "--port": str(free_port()), "--state": f"{tmp_path}/s.json"}
    words = [word.partition("=") for word in COMPOSE.services["node"].command]
    command = [f"{k}{equals}{changes.get(k, v)}" for k, equals, v in words]
    process = subprocess.Popen(
        [str(find_anvil()), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{changes['--port']}"
    finally:
        process.terminate()
        process.wait(30)


def test_the_node_is_the_one_that_karat_up_starts() -> None:
    ours = anvil_command(Options(accounts=(), port=8545), Path("/data/state.json"))
    flags = {word for word in ours if word.startswith("--")} - {"--timestamp"}
    theirs = {word.partition("=")[0] for word in COMPOSE.services["node"].command}
    assert flags == theirs


@pytest.mark.node
def test_the_node_runs_and_a_network_is_made_on_it(node: str, tmp_path: Path) -> None:
    home = Home(tmp_path)
    deploy = COMPOSE.services["deploy"]
    script = ROOT / "examples" / Path(deploy.entrypoint[1]).name
    wait_until(lambda: _answers(node), "the node", 30)

    def run() -> str:
        words = [sys.executable, str(script), deploy.command[0], node]
        done = subprocess.run(words, env=home.env, capture_output=True, text=True, check=True)
        return done.stdout

    try:
        said = run()
        assert run() == said  # again: nothing is deployed twice
        status: dict[str, Any] = home.json("status")
        assert (status["rpc_url"], status["tasks"]) == (node, 0)
        assert status["ledger"] in said
        home.run("account", "fund", "dev:11")
    finally:
        home.close()


def _answers(url: str) -> bool:
    try:
        connect_node(url, chain_id=31337)
    except ChainError:
        return False
    return True
