"""Everything that Karat needs, checked, each finding with its fix."""

import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from web3 import Web3

from chain.devnet.anvil import find_anvil
from chain.errors import ChainError, NodeMissing
from chain.evm.node import connect_node
from chain.folders import config_dir, data_dir
from chain.ledger.artifact import check_code
from chain.ledger.profiles import Profile
from chain.store import open_store
from chain.store.doctor import check as check_store
from chain.urls import without_keys
from karat.config import Settings
from karat.errors import ConfigError
from karat.sdk.connection import NOT_NAMED, Contracts, profile_of
from karat.sdk.documents import Check, Doctor

Status = Literal["ok", "warning", "failed"]

_LEAST_PYTHON = (3, 11)
_LEAST_DISK = 1 << 30
_MOST_SKEW = 60  # seconds between a live chain's clock and this machine's


def examine(settings: Settings, contracts: Contracts = NOT_NAMED) -> Doctor:
    """All checks; never raises for what it finds."""
    checks = [*_machine(settings), *_network(settings, contracts), *_content(settings)]
    return Doctor(ok=all(check.status != "failed" for check in checks), checks=checks)


def _check(name: str, status: Status, found: str, fix: str = "") -> Check:
    return Check(name=name, status=status, found=found, fix=fix)


def _machine(settings: Settings) -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= _LEAST_PYTHON
    yield _check(
        "python", "ok" if ok else "failed", version, "" if ok else "use Python 3.11 or 3.12"
    )
    yield _node_js()
    yield _torch(settings.device)
    yield _disk()
    yield _folder("configuration", config_dir())
    yield _folder("data", data_dir())


def _node_js() -> Check:
    fix = "install Node.js 20 or newer and run `npm install`, or use a remote node"
    try:
        anvil = find_anvil()
    except NodeMissing:
        return _check("local chain", "warning", "no Anvil: `karat up` cannot start a chain", fix)
    program = shutil.which("node")
    if program is None:
        return _check("local chain", "ok", f"{anvil} (no Node.js, so no Hardhat)")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return _check("local chain", "ok", f"{anvil}, Node.js {said.stdout.strip()}")


def _torch(device: str) -> Check:
    if importlib.util.find_spec("torch") is None:
        return _check("torch", "failed", "not installed", "pip install torch")
    import torch  # noqa: PLC0415 - it takes seconds, and may not be there

    has_cuda = torch.cuda.is_available()
    found = f"{torch.__version__}, {torch.cuda.get_device_name() if has_cuda else 'CPU only'}"
    if device == "cuda" and not has_cuda:
        return _check("torch", "failed", found, "no CUDA device: set --device cpu or auto")
    return _check("torch", "ok", found)


def _disk() -> Check:
    folder = data_dir()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free for {data_dir()}"
    if free < _LEAST_DISK:
        return _check("disk", "failed", found, "free some space, or set KARAT_DATA_DIR elsewhere")
    return _check("disk", "ok", found)


def _folder(name: str, folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / ".doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        fix = f"make {folder} writable, or set KARAT_{name[:4].upper()}_DIR"
        return _check(f"{name} folder", "failed", f"{folder}: {error.strerror}", fix)
    return _check(f"{name} folder", "ok", str(folder))


def _network(settings: Settings, contracts: Contracts) -> Iterator[Check]:
    try:
        profile = profile_of(settings, contracts)
    except (ChainError, ConfigError) as error:
        yield _check("network", "failed", str(error), "run `karat up`, or name another --network")
        return
    yield _check("network", "ok", f"{profile.name} (chain {profile.chain_id})")
    local = profile.is_devnet
    fix = "run `karat up`" if local else "start the node, or correct the profile's rpc_url"
    try:
        web3 = connect_node(profile.rpc_url, *profile.more_rpc_urls, chain_id=profile.chain_id)
        head = web3.eth.get_block("latest")
    except ChainError as error:
        yield _check("node", "failed", str(error), fix)
        return
    yield _check("node", "ok", f"{profile.shown_url}, block {head['number']}")
    yield _clock(int(head["timestamp"]), local)
    for name, kind, address in _contracts(profile):
        yield _code(web3, name, kind, address)


def _contracts(profile: Profile) -> Iterator[tuple[str, str, str]]:
    yield "ledger", "Ledger", profile.ledger
    if profile.anchor is not None:
        yield "anchor", "ReputationAnchor", profile.anchor
    if profile.standings is not None:
        yield "standings", "StandingAnchor", profile.standings


def _clock(timestamp: int, local: bool) -> Check:
    ahead = timestamp - int(time.time())
    if ahead > _MOST_SKEW:
        fix = (
            "set this machine's clock (NTP)" if not local else "a devnet's time only moves forward"
        )
        return _check("clock", "warning", f"the chain is {ahead} s ahead of this machine", fix)
    if -ahead > _MOST_SKEW and not local:
        fix = "set this machine's clock (NTP), or wait until the node has caught up"
        return _check("clock", "warning", f"the chain is {-ahead} s behind this machine", fix)
    return _check("clock", "ok", f"the chain's latest block is {max(0, -ahead)} s old")


def _content(settings: Settings) -> Iterator[Check]:
    try:
        store = open_store(settings.store)
    except ChainError as error:
        yield _check("store", "failed", str(error), "correct --store or KARAT_STORE")
        return
    for one in check_store(store):
        fix = "" if one.ok else f"look at the store {without_keys(settings.store)}"
        yield _check(one.name, "ok" if one.ok else "failed", one.detail, fix)


def _code(web3: Web3, name: str, kind: str, address: str) -> Check:
    try:
        check_code(web3, kind, address)
    except ChainError as error:
        fix = "the profile names another contract, or one of another version of karat"
        return _check(f"{name} code", "failed", str(error), fix)
    return _check(f"{name} code", "ok", address)
