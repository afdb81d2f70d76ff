"""Commitments and packed score vectors, exactly as the ledger computes them.

Everything here is pure: the same bytes as ``contracts/Ledger.sol`` and, under ``contracts/ledger``,
``TaskLogic.sol`` and ``ScoringLogic.sol``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode
from eth_utils.address import is_address
from eth_utils.crypto import keccak

from chain.errors import BadCommitment
from chain.evm.abi import encode_values
from chain.ledger.bindings.constants import Lanes, Scores
from chain.ledger.bindings.structs import TaskParams

LANES = Lanes.PER_WORD  # codes per word
LANE_BITS = 256 // LANES
MOST_CODE = (1 << (LANE_BITS - 1)) - 1  # a lane's top bit is the contracts' own
MOST_UPDATES = 2**16 - 1  # the ledger counts updates in 16 bits


@dataclass(frozen=True, slots=True)
class RoundKey:
    """What binds a commitment to one chain, ledger, task and round."""

    chain_id: int
    ledger: str
    task_id: int
    round: int


def rules_hash(sponsor: str, params: TaskParams) -> bytes:
    """What calls that bring money name, so that they reach the task that was read and no other.

    Args:
        sponsor: the task's sponsor.
        params: its rules, as they were read.

    Raises:
        ContractError: a value does not fit its type.
    """
    return keccak(encode_values(["address", TaskParams], [sponsor, params]))


def update_commitment(key: RoundKey, trainer: str, digest: bytes, size: int, salt: bytes) -> bytes:
    """What a trainer passes to ``commit``.

    Args:
        key: chain, ledger, task and round.
        trainer: the address that will reveal; another one cannot.
        digest: sha2-256 digest of the update's root block, 32 bytes.
        size: the update's length in bytes, below 2**64.
        salt: 32 secret random bytes; without them the digest could be guessed.

    Raises:
        BadCommitment: a value has no place in a commitment.
    """
    _check(trainer, digest=digest, salt=salt)
    if not 0 <= size < 2**64:
        raise BadCommitment(f"an update of {size} bytes cannot be committed: its size is 64 bits")
    return _seal(key, trainer, ["bytes32", "uint64", "bytes32"], [digest, size, salt])


def score_commitment(
    key: RoundKey, verifier: str, vector: bytes, mixture: bytes, evidence: bytes, salt: bytes
) -> bytes:
    """What a verifier passes to ``commitScores``.

    Args:
        key: chain, ledger, task and round.
        verifier: the address that will reveal.
        vector: :func:`vector_hash` of the packed scores.
        mixture: what the next model should be mixed of, as it will be revealed.
        evidence: sha2-256 digest of the evidence document's root block.
        salt: 32 secret random bytes.

    Raises:
        BadCommitment: a value has no place in a commitment.
    """
    _check(verifier, vector=vector, evidence=evidence, salt=salt)
    return _seal(key, verifier, ["bytes32"] * 4, [vector, keccak(mixture), evidence, salt])


def appeal_commitment(
    key: RoundKey,
    juror: str,
    index: int,
    code: int,
    mixture_weight: int,
    evidence: bytes,
    salt: bytes,
) -> bytes:
    """What a juror passes to ``commitAppealVote``.

    Args:
        key: chain, ledger, task and round.
        juror: the address that will reveal.
        index: of the update whose verdict is appealed.
        code: the juror's vote, as in :func:`pack_scores`.
        mixture_weight: how much of the update the next model should take, 16 bits.
        evidence: sha2-256 digest of the evidence document's root block.
        salt: 32 secret random bytes.

    Raises:
        BadCommitment: a value has no place in a commitment.
    """
    _check(juror, evidence=evidence, salt=salt)
    pack_scores([code])
    if not 0 <= index < MOST_UPDATES:
        raise BadCommitment(f"there is no update {index}")
    if not 0 <= mixture_weight < 1 << LANE_BITS:
        raise BadCommitment(f"a mixture's weight has {LANE_BITS} bits; {mixture_weight} has not")
    head = ["uint256", "address", "uint256", "uint32", "uint256", "address"]
    start = [key.chain_id, key.ledger, key.task_id, key.round, index, juror]
    kinds = [*head, "uint16", "uint16", "bytes32", "bytes32"]
    return keccak(encode(kinds, [*start, code, mixture_weight, evidence, salt]))


def vector_hash(words: Sequence[int]) -> bytes:
    """H_0 of the hash chain H_n = 0, H_i = keccak256(abi.encode(words[i], H_{i+1}))."""
    return tail_hashes(words)[0]


def tail_hashes(words: Sequence[int]) -> list[bytes]:
    """H_0 to H_n; ``settle`` wants H_end as the tail of a slice that ends before word ``end``."""
    hashes = [bytes(32)]
    for word in reversed(words):
        hashes.append(keccak(encode(["uint256", "bytes32"], [word, hashes[-1]])))
    return hashes[::-1]


def pack_scores(codes: Sequence[int]) -> list[int]:
    """Codes in index order as words of sixteen 16-bit lanes; lane i is at bits [16i, 16i+16).

    Args:
        codes: a verdict (1 to 5) or a score (8 to 32767) for each update.

    Returns:
        ceil(len(codes) / 16) words; the lanes past the last code are 0.

    Raises:
        BadCommitment: a code the ledger would refuse, or too many of them.
    """
    if len(codes) > MOST_UPDATES:
        raise BadCommitment(f"{len(codes)} codes are more than the {MOST_UPDATES} of a round")
    for index, code in enumerate(codes):
        is_verdict = Scores.HARMFUL <= code <= Scores.UNAVAILABLE
        if not is_verdict and not Scores.OK <= code <= MOST_CODE:
            raise BadCommitment(
                f"code {code} of update {index} is neither a verdict ({Scores.HARMFUL} to "
                f"{Scores.UNAVAILABLE}) nor a score ({Scores.OK} to {MOST_CODE})"
            )
    return [
        sum(code << (LANE_BITS * lane) for lane, code in enumerate(codes[start : start + LANES]))
        for start in range(0, len(codes), LANES)
    ]


def unpack_scores(words: Sequence[int], count: int) -> list[int]:
    """The first ``count`` codes of packed words, which may come from anyone.

    Raises:
        BadCommitment: the number of words does not fit ``count``, a word is out of range, or a
            lane past the last code is not 0.
    """
    if not 0 <= count <= MOST_UPDATES:
        raise BadCommitment(f"{count} updates are not between 0 and {MOST_UPDATES}")
    if len(words) != word_count(count):
        raise BadCommitment(f"{count} updates take {word_count(count)} words, not {len(words)}")
    codes: list[int] = []
    for index, word in enumerate(words):
        if not 0 <= word < 2**256:
            raise BadCommitment(f"word {index} is not an unsigned 256-bit number")
        codes += [(word >> (LANE_BITS * lane)) & 0xFFFF for lane in range(LANES)]
    if any(codes[count:]):
        raise BadCommitment(f"the words hold more than {count} codes")
    return codes[:count]


def mixture_bytes(count: int) -> int:
    """How long a mixture of ``count`` updates and the model's own movements is."""
    return LANE_BITS // 8 * (count + Scores.MOVEMENTS)


def word_count(count: int) -> int:
    """How many words ``count`` codes take."""
    return -(-count // LANES)


def _seal(key: RoundKey, account: str, kinds: list[str], values: list[object]) -> bytes:
    if not is_address(key.ledger):
        raise BadCommitment(f"{key.ledger!r} is no address of a ledger")
    if key.task_id < 0 or not 0 <= key.round < 2**32 or key.chain_id < 0:
        raise BadCommitment(f"there is no round {key.round} of task {key.task_id}")
    head = ["uint256", "address", "uint256", "uint32", "address"]
    start = [key.chain_id, key.ledger, key.task_id, key.round, account]
    return keccak(encode(head + kinds, start + values))


def _check(account: str, **digests: bytes) -> None:
    if not is_address(account):
        raise BadCommitment(f"{account!r} is no address")
    for name, value in digests.items():
        if len(value) != 32:
            raise BadCommitment(f"{name} must be 32 bytes, not {len(value)}")
