"""Nodes as other people start them, with nothing of Karat's about them."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chain.devnet.anvil import find_anvil

ROOT = Path(__file__).resolve().parents[2]
SEPOLIA = 11_155_111
_MNEMONIC = "test test test test test test test test test test test junk"


@contextmanager
def started(command: list[str], listening: str) -> Iterator[str]:
    """The URL of a node that prints where it listens."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            match = re.search(listening, line)
            if match:
                yield f"http://{match[1]}"
                return
        raise AssertionError(f"{command[0]} ended without listening")
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(timeout=30)


@contextmanager
def plain_anvil(*options: str, chain_id: int = SEPOLIA) -> Iterator[str]:
    """A chain with Sepolia's id, a base fee, and nobody's development keys."""
    command = [str(find_anvil()), "--chain-id", str(chain_id), "--port", "0", "--accounts", "1"]
    with started([*command, *options], r"Listening on (127\.0\.0\.1:\d+)") as url:
        yield url


@contextmanager
def plain_hardhat() -> Iterator[str]:
    """``npx hardhat node`` from the repository's root."""
    node = shutil.which("node")
    hardhat = ROOT / "node_modules" / "hardhat" / "internal" / "cli" / "cli.js"
    if node is None or not hardhat.is_file():
        pytest.skip("Hardhat is not installed")
    command = [node, str(hardhat), "node", "--hostname", "127.0.0.1", "--port", "0"]
    with started(command, r"JSON-RPC server at http://(127\.0\.0\.1:\d+)/") as url:
        yield url


def hardhat_account(number: int = 0) -> LocalAccount:
    """One of the accounts that Hardhat gives ether."""
    Account.enable_unaudited_hdwallet_features()
    path = f"m/44'/60'/0'/0/{number}"
    account: LocalAccount = Account.from_mnemonic(_MNEMONIC, account_path=path)
    return account
