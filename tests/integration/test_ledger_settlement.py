"""The ledger against an independent, slow model of its settlement, on random rounds."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

import pytest

from chain.devnet import start_devnet
from chain.devnet.accounts import dev_accounts
from chain.devnet.anvil import find_anvil
from chain.devnet.batch import send_batch
from chain.errors import NodeMissing
from chain.evm.transactions import Sender
from chain.ledger.bindings import ledger_events as happened
from chain.ledger.bindings.enums import Phase
from chain.ledger.bindings.structs import VerifierGrant
from chain.ledger.client import Ledger, Token
from chain.ledger.commitments import (
    mixture_bytes,
    pack_scores,
    score_commitment,
    tail_hashes,
    update_commitment,
    vector_hash,
)
from tests.chain.network import GENESIS, SALT, UNIT, params

try:
    find_anvil()
    HAS_ANVIL = True
except NodeMissing:
    HAS_ANVIL = False

pytestmark = [pytest.mark.anvil, pytest.mark.skipif(not HAS_ANVIL, reason="Anvil is missing")]

EVIDENCE = bytes(32)
TRAINER_STAKE, VERIFIER_STAKE = 10 * UNIT, 20 * UNIT
ZERO = 16384  # the code of no effect
RATES = {1: 5000, 2: 2000, 3: 3000}  # basis points, as in tests.chain.network.params
UNREVEALED, ABSENT = 5000, 1000


@dataclass
class Round:
    """A random round: who votes what with which weight, who stays away, who does not reveal."""

    seed: int
    granted: list[int] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)  # that count
    exponent: int = 1
    full_pay_gain: int = 0
    trainers: int = 0
    silent: set[int] = field(default_factory=set)  # trainers that commit and do not reveal
    absent: set[int] = field(default_factory=set)  # verifiers that do not vote
    votes: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        self.granted = [rng.randint(1, 3000) for _ in range(rng.randint(1, 6))]
        self.weights = capped(self.granted)
        self.exponent = rng.randint(1, 3)
        self.full_pay_gain = (self.seed % 3 * 20_000**self.exponent) % 2**40
        self.trainers = rng.randint(2, 20)
        self.silent = {i for i in range(self.trainers - 1) if rng.random() < 0.2}
        self.absent = {i for i in range(len(self.weights)) if rng.random() < 0.2}
        self.votes = [
            [self._code(rng) for _ in range(self.trainers - len(self.silent))] for _ in self.weights
        ]

    @staticmethod
    def _code(rng: random.Random) -> int:
        return (
            rng.randint(1, 5) if rng.random() < 0.3 else rng.choice([16384, rng.randint(8, 32767)])
        )


@dataclass
class Outcome:
    """What the model says of a round."""

    void: bool
    medians: list[int] = field(default_factory=list)
    rewards: list[int] = field(default_factory=list)
    slashes: list[int] = field(default_factory=list)
    verifier_rewards: dict[int, int] = field(default_factory=dict)


def median(votes: list[tuple[int, int]]) -> int:
    """The greatest code that more than half of the weight reaches; if that is a verdict, the
    greatest that half reaches, up to no effect.
    """
    total = sum(weight for _, weight in votes)
    half = Fraction(1, 2)

    def greatest(enough: Callable[[Fraction], bool]) -> int:
        reached = Fraction(0)
        for code, weight in sorted(votes, reverse=True):
            reached += Fraction(weight, total)
            if enough(reached):
                return code
        raise AssertionError("no votes")

    lower = greatest(lambda reached: reached > half)
    return lower if lower >= 8 else min(greatest(lambda reached: reached >= half), ZERO)


def capped(weights: list[int]) -> list[int]:
    """The weights with nobody above a third of all: the greatest cap for which that holds."""
    if len(weights) < 3:
        return weights
    for cap in range(max(weights), 0, -1):
        cut = [min(weight, cap) for weight in weights]
        if 3 * max(cut) <= sum(cut):
            return cut
    raise AssertionError("no cap")


def distance(a: list[int], b: list[int]) -> int:
    """The sum of absolute differences, where nothing counts as less than 512 below no effect."""
    return sum(abs(max(x, ZERO - 512) - max(y, ZERO - 512)) for x, y in zip(a, b, strict=True))


def settled(game: Round, trainer_budget: int, verifier_budget: int) -> Outcome:
    """The model: plain loops over codes, exact fractions, no packing."""
    present = [i for i in range(len(game.weights)) if i not in game.absent]
    revealed = sum(game.weights[i] for i in present)
    if not present or 3 * revealed < 2 * sum(game.weights):
        return Outcome(void=True)
    count = game.trainers - len(game.silent)
    medians = [median([(game.votes[i][j], game.weights[i]) for i in present]) for j in range(count)]
    gains = [max(0, code - ZERO) ** game.exponent for code in medians]
    whole = max(sum(gains), game.full_pay_gain)
    rewards = [int(Fraction(trainer_budget * gain, whole)) if whole else 0 for gain in gains]
    slashes = [TRAINER_STAKE * RATES.get(code, 0) // 10_000 for code in medians]
    paid = {}
    # Nobody has a last median in a first round, so that forecast is no effect for all, too.
    forecast = min(distance([constant] * count, medians) for constant in {ZERO, *medians})
    for i in present:
        skill = max(0, forecast - distance(game.votes[i], medians))
        whole_pay = Fraction(verifier_budget * game.weights[i], sum(game.weights))
        paid[i] = int(whole_pay * skill / forecast) if forecast else 0
    return Outcome(False, medians, rewards, slashes, paid)


# 1 is void; 11, 17 and 19 have absent or many verifiers, all exponents, and silent trainers.
QUICK = (1, 11, 17, 19)
SEEDS = [pytest.param(seed, marks=() if seed in QUICK else pytest.mark.slow) for seed in range(40)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ledger_settles_like_the_model(seed: int) -> None:
    game = Round(seed)
    people = dev_accounts(7, 1 + len(game.weights) + game.trainers)
    addresses = [one.address for one in people]
    with start_devnet("anvil", accounts=addresses, timestamp=GENESIS, mining="manual") as devnet:
        senders = [Sender(devnet.web3, one, mine=devnet.mine) for one in people]
        sponsor, verifiers = senders[0], senders[1 : 1 + len(game.weights)]
        trainers = senders[1 + len(game.weights) :]
        ledger, token = Ledger.deploy(sponsor), Token.deploy(sponsor)
        rules = replace(
            params(token.address),
            payout_exponent=game.exponent,
            full_pay_gain=game.full_pay_gain,
            committee_size=15,
            max_trainers=64,
        )
        outcome = settled(game, rules.trainer_budget, rules.verifier_budget)

        send_batch(devnet, [(sponsor, token.mint(one, 1000 * UNIT)) for one in addresses])
        send_batch(devnet, [(one, token.approve(ledger.address, 2**255)) for one in senders])
        grants = [
            VerifierGrant(one.address, weight)
            for one, weight in zip(verifiers, game.granted, strict=True)
        ]
        sponsor.send(ledger.create_task(rules, 500 * UNIT, grants))
        agreed = ledger.rules_hash(1)
        send_batch(
            devnet, [(one, ledger.join_verifier(1, agreed, VERIFIER_STAKE)) for one in verifiers]
        )
        send_batch(
            devnet, [(one, ledger.join_trainer(1, agreed, TRAINER_STAKE)) for one in trainers]
        )
        sponsor.send(ledger.open_round(1))
        key = ledger.round_key(1, 1)
        sealed = [update_commitment(key, one.address, bytes(32), 1, SALT) for one in trainers]
        pairs = zip(trainers, sealed, strict=True)
        send_batch(devnet, [(one, ledger.commit(1, 1, commitment)) for one, commitment in pairs])
        devnet.warp_to(ledger.round_info(1, 1).commit_deadline)
        revealing = [one for i, one in enumerate(trainers) if i not in game.silent]
        send_batch(devnet, [(one, ledger.reveal(1, 1, bytes(32), 1, SALT)) for one in revealing])
        devnet.warp_to(ledger.round_info(1, 1).reveal_deadline)
        for _ in range(2):  # names a block, and draws from its hash
            sponsor.send(ledger.close_reveal(1, 1))

        voters = [(i, one) for i, one in enumerate(verifiers) if i not in game.absent]
        words = [pack_scores(votes) for votes in game.votes]
        mixture = bytes(mixture_bytes(len(revealing)))
        for i, one in voters:
            vector = vector_hash(words[i])
            bound = score_commitment(key, one.address, vector, mixture, EVIDENCE, SALT)
            one.send(ledger.commit_scores(1, 1, bound))
        if game.absent:
            devnet.warp_to(ledger.round_info(1, 1).score_commit_deadline)
        for i, one in voters:
            one.send(ledger.reveal_scores(1, 1, words[i], mixture, EVIDENCE, SALT))
        if outcome.void:
            sponsor.send(ledger.void_round(1, 1))
        else:
            tails = [tail_hashes(words[i])[-1] for i, _ in voters]
            sponsor.send(ledger.settle(1, 1, 0, [words[i] for i, _ in voters], tails))
        send_batch(devnet, [(sponsor, ledger.claim(1, one.address, [1])) for one in trainers])

        assert ledger.phase(1, 1) == (Phase.VOID if outcome.void else Phase.FINAL)
        expected = {
            i: (
                TRAINER_STAKE - (TRAINER_STAKE * UNREVEALED // 10_000 if i in game.silent else 0),
                0,
            )
            for i in range(game.trainers)
        }
        if not outcome.void:
            count = len(outcome.medians)
            assert [ledger.score_of(1, 1, index) for index in range(count)] == outcome.medians
            indices = iter(range(count))
            for i in range(game.trainers):
                if i in game.silent:
                    continue
                index = next(indices)
                expected[i] = (TRAINER_STAKE - outcome.slashes[index], outcome.rewards[index])
        for i, one in enumerate(trainers):
            member = ledger.member(1, one.address)
            assert (member.stake, member.balance) == expected[i]
        for i, one in enumerate(verifiers):
            member = ledger.member(1, one.address)
            slashed = i in game.absent and len(game.absent) < len(verifiers)
            lost = VERIFIER_STAKE * ABSENT // 10_000 if slashed else 0
            earned = outcome.verifier_rewards.get(i, 0)
            assert (member.stake, member.balance) == (VERIFIER_STAKE - lost, earned)
        everyone = [ledger.member(1, one.address) for one in senders]
        total = sum(member.stake + member.balance for member in everyone)
        total += ledger.task(1).escrow + ledger.task(1).owed + ledger.task(1).forfeited
        assert total == token.balance_of(ledger.address) == ledger.booked(token.address)
        assert len(list(ledger.events(happened.RoundSettled))) == (0 if outcome.void else 1)
