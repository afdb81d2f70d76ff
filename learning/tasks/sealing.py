"""Hold-outs that nobody but the verifiers reads before a round has used them.

A hold-out is cut into batches, each of as many examples as a round scores on, and each is encrypted
with a key of its own: AES-256-GCM, a key for one message, so that the nonce can be the same. The
file has the SHA-256 of every key, because AES-GCM alone would let its author open one file in two
ways (Albertini et al. 2022, "How to abuse and fix authenticated encryption without key
commitment"). All keys follow from one by HKDF (RFC 5869): verifiers are given that one. Whoever
publishes a batch's key lets everybody read this batch and no other.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF
from safetensors import SafetensorError
from safetensors.numpy import load, save

from learning.errors import TaskError

KEY_BYTES = 32
_TAG_BYTES = 16
_NONCE = bytes(12)
_CONTEXT = b"karat hold-out batch "
_KEYS = "keys"


def new_key() -> bytes:
    """A key from which those of all batches follow, of this machine's randomness."""
    return secrets.token_bytes(KEY_BYTES)


def batch_key(key: bytes, batch: int) -> bytes:
    """The key of one batch; ``key`` is the hold-out's."""
    derived = HKDF(key, KEY_BYTES, b"", SHA256, context=_CONTEXT + str(batch).encode())
    return bytes(derived)  # type: ignore[arg-type]  # one key was asked for


def batch_of_round(number: int, seed: int, batches: int) -> int:
    """The batch that round ``number`` (from 1) is scored on: a fresh one while there are any.

    Afterwards one by the round's seed, which everybody may know by then.
    """
    return number - 1 if number <= batches else seed % batches


def seal(batches: Sequence[bytes], key: bytes) -> bytes:
    """Encrypt batches, all of one length, into a file."""
    tensors = {}
    keys = [batch_key(key, place) for place in range(len(batches))]
    for place, batch in enumerate(batches):
        content, tag = AES.new(keys[place], AES.MODE_GCM, nonce=_NONCE).encrypt_and_digest(batch)
        tensors[str(place)] = np.frombuffer(content + tag, dtype=np.uint8)
    commitments = b"".join(hashlib.sha256(one).digest() for one in keys)
    tensors[_KEYS] = np.frombuffer(commitments, dtype=np.uint8)
    return bytes(save(tensors))


@dataclass(frozen=True, eq=False)
class SealedHoldout:
    """The sealed batches, and the SHA-256 of each one's key."""

    batches: tuple[bytes, ...]
    commitments: tuple[bytes, ...]

    @classmethod
    def parse(cls, data: bytes, batches: int) -> "SealedHoldout":
        """Read a file, which may be anybody's, of so many batches.

        Raises:
            TaskError: it is none.
        """
        try:
            tensors = load(data)
        except SafetensorError as error:
            raise TaskError(f"the sealed hold-out is no safetensors file: {error}") from error
        wanted = {_KEYS, *map(str, range(batches))}
        whole = all(t.dtype == np.uint8 and t.ndim == 1 for t in tensors.values())
        if tensors.keys() != wanted or not whole or len(tensors[_KEYS]) != batches * KEY_BYTES:
            raise TaskError(f"the sealed hold-out does not hold {batches} batches and their keys")
        commitments = tensors.pop(_KEYS).tobytes()
        sealed = tuple(tensors[str(place)].tobytes() for place in range(batches))
        if len({len(one) for one in sealed}) > 1 or len(sealed[0]) < _TAG_BYTES:
            raise TaskError("the batches of the sealed hold-out are not of one length")
        starts = range(0, len(commitments), KEY_BYTES)
        return cls(sealed, tuple(commitments[start : start + KEY_BYTES] for start in starts))

    def is_opened_by(self, key: bytes) -> bool:
        """Whether ``key`` is the one that all batches' keys follow from."""
        derived = (batch_key(key, place) for place in range(len(self.batches)))
        return all(map(self.is_key_of, range(len(self.batches)), derived))

    def is_key_of(self, batch: int, key: bytes) -> bool:
        """Whether ``key`` is the one of a batch."""
        return hashlib.sha256(key).digest() == self.commitments[batch]

    def open(self, batch: int, key: bytes) -> bytes:
        """A batch in the clear.

        Raises:
            TaskError: the key is another, or the batch was sealed wrongly: then nobody can read it.
        """
        if not self.is_key_of(batch, key):
            raise TaskError(f"that is not the key of batch {batch} of the hold-out")
        sealed = self.batches[batch]
        content, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
        try:
            return AES.new(key, AES.MODE_GCM, nonce=_NONCE).decrypt_and_verify(content, tag)
        except ValueError as error:
            raise TaskError(
                f"batch {batch} of the hold-out cannot be read with its own key: its sponsor "
                "sealed it wrongly, and no round can be scored on it"
            ) from error
