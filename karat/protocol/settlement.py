"""Settling a round: the calls that anyone can make once the scores are out, and what is earned."""

from chain.evm.abi import Call
from chain.ledger.bindings.structs import TaskParams
from chain.ledger.client import Ledger
from chain.ledger.commitments import tail_hashes, word_count
from karat.protocol.history import Outcome, Round
from learning.score_codes import ZERO_SCORE

WORDS_PER_CALL = 128  # 2,048 updates: about 5 million gas, well under any block's limit


def settle_calls(
    ledger: Ledger, task_id: int, current: Round, *, settled_words: int = 0
) -> list[Call[None]]:
    """The calls that settle what is left of a round, in order.

    ``settled_words``: how many words of sixteen updates the contract has settled already
    (``RoundView.words_settled``), so that an interrupted settlement goes on.
    """
    vectors = [current.words[v] for v in current.committee if v in current.words]
    hashes = [tail_hashes(vector) for vector in vectors]
    total = word_count(len(current.updates))
    calls = []
    for start in range(settled_words, total, WORDS_PER_CALL):
        end = min(start + WORDS_PER_CALL, total)
        slices = [vector[start:end] for vector in vectors]
        tails = [chain[end] for chain in hashes]
        calls.append(ledger.settle(task_id, current.number, start, slices, tails))
    return calls


def earned(params: TaskParams, current: Round, code: int | None) -> int:
    """What an update with this median is credited when it is claimed, by the ledger's formula.

    In base units; 0 unless the round is settled.
    """
    if code is None or code <= ZERO_SCORE or current.outcome is not Outcome.SETTLED:
        return 0
    weights = [max(0, one - ZERO_SCORE) ** params.payout_exponent for one in current.medians]
    own = (code - ZERO_SCORE) ** params.payout_exponent
    return int(current.budget * own // max(sum(weights), params.full_pay_gain))
