"""Reading Web3 Secret Storage files (version 3), which may come from anybody.

See https://github.com/ethereum/wiki/wiki/Web3-Secret-Storage-Definition. What a file asks for is
checked before anything is computed: its cipher, the cost of its key derivation, and afterwards that
the key is the one of the address it states.
"""

import json
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import is_address, to_checksum_address

from chain.errors import KeystoreError, WrongPassword
from chain.folders import read_small_text

_MOST_BYTES = 64 * 1024
_CIPHER = "aes-128-ctr"
_KEY_BYTES = 32
_MOST_SCRYPT_MEMORY = 2**30  # bytes: 128·n·r
_MOST_SCRYPT_WORK = 2**25  # n·r·p: sixteen times what wallets use, some fifteen seconds
_MOST_ITERATIONS = 10_000_000  # of pbkdf2
_MOST_DERIVED = 64  # bytes; 32 are needed


def read_document(path: Path) -> dict[str, Any]:
    """A file's JSON object.

    Raises:
        KeystoreError: it cannot be read, or is no V3 file.
    """
    try:
        document = json.loads(read_small_text(path, _MOST_BYTES))
    except OSError as error:
        raise KeystoreError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise KeystoreError(f"{path} is not JSON; restore it from a backup") from error
    if not isinstance(document, dict):
        raise KeystoreError(f"{path} is no V3 keystore")
    if document.get("version") != 3:
        raise KeystoreError(
            f"{path} is a keystore of version {document.get('version')!r}, and only version 3 is "
            "read; convert it with the wallet that made it"
        )
    return document


def stated_address(path: Path, document: dict[str, Any]) -> str | None:
    """The address that a file says its key has, which the format leaves open; None if none.

    Raises:
        KeystoreError: what it states is no address.
    """
    address = document.get("address")
    if address is None:
        return None
    if not isinstance(address, str) or not is_address(address):
        raise KeystoreError(f"{path} states {address!r}, which is no address; move it away")
    return to_checksum_address(address)


def decrypt(path: Path, document: dict[str, Any], password: str) -> LocalAccount:
    """The account in a file.

    Raises:
        WrongPassword: the password does not open it.
        KeystoreError: it is damaged, asks for what is not supported or too costly, or holds the
            key of another address than it states.
    """
    _check(path, document)
    stated = stated_address(path, document)
    try:
        key = bytes(Account.decrypt(document, password))
    except (ValueError, KeyError, TypeError, NotImplementedError) as error:
        if "MAC mismatch" in str(error):
            raise WrongPassword(f"the password does not open {path}{_length(document)}") from error
        raise KeystoreError(f"{path} is damaged or no V3 keystore: {error}") from error
    account = _account(path, key)
    if stated is not None and account.address != stated:
        raise KeystoreError(
            f"{path} says it holds {stated}, but its key is of {account.address}; restore the file "
            "from a backup"
        )
    if stated is None and len(key) != _KEY_BYTES:
        raise KeystoreError(
            f"{path} holds {len(key)} bytes in place of {_KEY_BYTES} and states no address to "
            "check them by"
        )
    return account


def _account(path: Path, key: bytes) -> LocalAccount:
    """Some wallets drop a key's leading zero bytes, so shorter ones are filled up."""
    if len(key) > _KEY_BYTES:
        raise KeystoreError(f"{path} holds {len(key)} bytes, and a key has {_KEY_BYTES}")
    try:
        account: LocalAccount = Account.from_key(key.rjust(_KEY_BYTES, b"\0"))
    except ValueError as error:
        raise KeystoreError(
            f"what {path} holds is no key: it is zero, or not below the order of the curve"
        ) from error
    return account


def _check(path: Path, document: dict[str, Any]) -> None:
    crypto = document.get("crypto", document.get("Crypto"))
    if not isinstance(crypto, dict):
        raise KeystoreError(f"{path} is no V3 keystore: it has no `crypto`")
    if crypto.get("cipher") != _CIPHER:
        raise KeystoreError(
            f"{path} is encrypted with {crypto.get('cipher')!r}, and V3 keystores with {_CIPHER}; "
            "export the key anew with the wallet that made the file"
        )
    parameters = crypto.get("kdfparams")
    if not isinstance(parameters, dict):
        raise KeystoreError(f"{path} has unreadable key derivation parameters")
    match crypto.get("kdf"):
        case "scrypt":
            derived, n, r, p = _numbers(path, parameters, "dklen", "n", "r", "p")
            costly = 128 * n * r > _MOST_SCRYPT_MEMORY or n * r * p > _MOST_SCRYPT_WORK
            cost = f"n={n}, r={r}, p={p}"
        case "pbkdf2":
            if parameters.get("prf") != "hmac-sha256":
                raise KeystoreError(
                    f"{path} derives its key with {parameters.get('prf')!r}; only hmac-sha256 is "
                    "supported"
                )
            derived, iterations = _numbers(path, parameters, "dklen", "c")
            costly, cost = iterations > _MOST_ITERATIONS, f"c={iterations}"
        case other:
            raise KeystoreError(f"{path} derives its key with {other!r}, not scrypt or pbkdf2")
    if costly:
        raise KeystoreError(f"{path} asks for too costly a key derivation ({cost})")
    if not _KEY_BYTES <= derived <= _MOST_DERIVED:
        raise KeystoreError(
            f"{path} asks for a key derivation of {derived} bytes, not {_KEY_BYTES}"
        )


def _numbers(path: Path, parameters: dict[str, Any], *names: str) -> list[int]:
    numbers = [parameters.get(name) for name in names]
    if not all(type(number) is int and 0 < number < 2**63 for number in numbers):
        raise KeystoreError(f"{path} has unreadable key derivation parameters")
    return [int(number) for number in numbers if number is not None]


def _length(document: dict[str, Any]) -> str:
    crypto = document.get("crypto", document.get("Crypto"))
    text = crypto.get("ciphertext") if isinstance(crypto, dict) else None
    if isinstance(text, str) and len(text) == 2 * _KEY_BYTES:
        return ""
    return f", or the file is damaged: its ciphertext is not of {_KEY_BYTES} bytes"
