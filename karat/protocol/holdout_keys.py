"""How verifiers come by the key of a sealed hold-out: asked for and given in a task's messages.

A verifier posts a *request* to everybody: its X25519 public key. Whoever has the hold-out's key,
the sponsor or another verifier, posts a *delivery* to it: the key, encrypted to that public key by
HPKE (RFC 9180). What a delivery holds is believed only if it opens the hold-out, so anyone may
deliver.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from Crypto.Hash import SHA256
from Crypto.Protocol import HPKE
from Crypto.Protocol.DH import import_x25519_private_key, import_x25519_public_key
from Crypto.Protocol.KDF import HKDF

from karat.protocol.state import TaskState
from learning.tasks.sealing import KEY_BYTES

EVERYBODY = "0x0000000000000000000000000000000000000000"
_REQUEST, _DELIVERY = b"\x01", b"\x02"
_CONTEXT = b"karat hold-out keys"
_PUBLIC_BYTES = 32
_SEALED_BYTES = KEY_BYTES + 16


@dataclass(frozen=True)
class Request:
    """A verifier that asks, its public key, and how many times it has asked."""

    verifier: str
    public: bytes
    count: int


class Recipient:
    """A verifier's encryption key, which follows from its account's key and is kept nowhere."""

    def __init__(self, account_key: bytes) -> None:
        derived = HKDF(account_key, KEY_BYTES, b"", SHA256, context=_CONTEXT)
        self._private = import_x25519_private_key(bytes(derived))  # type: ignore[arg-type]
        self.public = bytes(self._private.public_key().export_key(format="raw"))

    def request(self) -> bytes:
        """The message that asks for a key."""
        return _REQUEST + self.public

    def opened(self, message: bytes, bound_to: bytes) -> bytes | None:
        """The key in a delivery; None if it is none for this recipient and ``bound_to``."""
        if len(message) != 1 + _PUBLIC_BYTES + _SEALED_BYTES or message[:1] != _DELIVERY:
            return None
        encapsulated, sealed = message[1 : 1 + _PUBLIC_BYTES], message[1 + _PUBLIC_BYTES :]
        try:
            cipher = HPKE.new(
                receiver_key=self._private,
                aead_id=HPKE.AEAD.AES256_GCM,
                enc=encapsulated,
                info=_CONTEXT,
            )
            return bytes(cipher.unseal(sealed, bound_to))
        except (ValueError, HPKE.DeserializeError, HPKE.MessageLimitReachedError):
            return None


def delivery(key: bytes, public: bytes, bound_to: bytes) -> bytes | None:
    """The message that gives ``key`` to the holder of a public key; None if that is no point.

    ``bound_to`` is the hold-out's digest: a delivery is of no use for another one.
    """
    try:
        receiver = import_x25519_public_key(public)
        cipher = HPKE.new(receiver_key=receiver, aead_id=HPKE.AEAD.AES256_GCM, info=_CONTEXT)
        sealed = cipher.seal(key, bound_to)
    except ValueError:  # a point of small order, from somebody who wants no key
        return None
    return _DELIVERY + bytes(cipher.enc) + bytes(sealed)


def requests(task: TaskState) -> list[Request]:
    """The verifiers that have asked, in the order in which they joined."""
    asked = []
    for verifier in task.verifiers:
        message = task.messages.get((verifier, EVERYBODY))
        if message is None or task.account(verifier).left:
            continue
        if len(message.content) == 1 + _PUBLIC_BYTES and message.content[:1] == _REQUEST:
            asked.append(Request(verifier, message.content[1:], message.count))
    return asked


def deliveries(task: TaskState, verifier: str) -> Iterator[bytes]:
    """What was posted to a verifier, the sponsor's first: any of it may be anything."""
    senders = [task.sponsor, *(who for who, to in task.messages if to == verifier)]
    for sender in dict.fromkeys(senders):
        if (sender, verifier) in task.messages:
            yield task.messages[sender, verifier].content


def is_due(task: TaskState, request: Request, me: str) -> bool:
    """Whether ``me``, which has the key, is to answer a request.

    The sponsor always does. A verifier does if nobody has, or if it was asked again: then what was
    delivered is of no use. Nobody answers the same request twice.
    """
    mine = task.messages.get((me, request.verifier))
    if me == request.verifier or (mine is not None and mine.count >= request.count):
        return False
    answered = any(to == request.verifier for _, to in task.messages)
    return me == task.sponsor or not answered or request.count > 1
