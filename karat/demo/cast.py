"""Who takes part in the demo, with what data, and what each sends in a round."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from eth_account.signers.local import LocalAccount

from chain.devnet.accounts import dev_accounts
from karat.demo.config import VERIFIERS, DemoConfig, players
from learning.arena.attacks import LabelFlip, PastMasked, Setting, View
from learning.arena.match import classes_of
from learning.arena.public import Record
from learning.codec import Codec
from learning.model_state import ModelState
from learning.tasks import TaskSpec
from learning.tasks.data import Examples, partition
from learning.training import layout_of, train

DATALESS = frozenset({"copy", "past-masked"})


@dataclass
class Member:
    """One account with a part to play."""

    name: str
    role: str
    account: LocalAccount

    @property
    def address(self) -> str:
        """Checksummed address."""
        return str(self.account.address)


class Cast:
    """Everyone in the demo; all randomness follows from the seed."""

    def __init__(self, config: DemoConfig, spec: TaskSpec) -> None:
        self._spec = spec
        self._codec = Codec(spec.codec, layout_of(spec))
        self._classes = classes_of(spec)
        self._seed, self._honest = config.seed, config.honest
        self._device = config.device
        names = [("sponsor", "sponsor"), *players(attackers=True, honest=config.honest)]
        keys = dev_accounts(config.seed, len(names))
        people = [(name, role, key) for (name, role), key in zip(names, keys, strict=True)]
        self.sponsor = Member(*people[0])
        self.verifiers = [Member(*person) for person in people[1 : 1 + VERIFIERS]]
        workforce = [Member(*person) for person in people[1 + VERIFIERS :]]
        # The second Sybil has no data of its own, copycat and insider have none at all.
        workers = [m.name for m in workforce if m.role not in DATALESS and m.name != "sybil-2"]
        shards = partition(spec, len(workers), config.seed)
        self._shards = dict(zip(workers, shards, strict=True))
        # Without attackers the honest trainers keep the data they would have had beside them.
        self.trainers = [m for m in workforce if config.attackers or m.role == "honest"]
        total = layout_of(spec).total
        self._residuals = {name: np.zeros(total, dtype=np.float32) for name in workers}
        self._last: dict[str, bytes] = {}
        self._record = Record(spec)

    @property
    def everyone(self) -> list[Member]:
        """Sponsor, verifiers, trainers."""
        return [self.sponsor, *self.verifiers, *self.trainers]

    def payloads(self, round_number: int, base: ModelState) -> dict[str, bytes]:
        """What each trainer sends in a round, by name; who has nothing to send is left out."""
        sent: dict[str, bytes] = {}
        for position, member in enumerate(self.trainers):
            payload = self._payload(member, position, round_number, base, sent)
            if payload is not None:
                sent[member.name] = payload
        self._last = {p.name: sent[p.name] for p in self.trainers if p.role == "honest"}
        return sent

    def _payload(
        self,
        member: Member,
        position: int,
        round_number: int,
        base: ModelState,
        sent: dict[str, bytes],
    ) -> bytes | None:
        if member.role == "copy":  # the victim's update of the round before; none in the first
            return self._last.get(f"honest-{1 + (round_number + self._seed) % self._honest}")
        if member.name == "sybil-2":
            return sent["sybil-1"]
        if member.role == "past-masked":
            return self._rehashed(member, round_number, base, self._draw(round_number, position))
        seed = self._draw(round_number, position)
        shard = self._poisoned(member, Setting(round_number - 1, self._classes, _rng(seed)))
        delta = train(self._spec, base, shard, seed, self._device)
        return self._codec.encode(delta, self._residuals[member.name])

    def settled(
        self, base: ModelState, payloads: Mapping[str, bytes], codes: Mapping[str, int]
    ) -> None:
        """A round is over: what its trainers sent, and the codes it ended with, are public."""
        total = layout_of(self._spec).total
        self._record.add(
            base,
            [
                (name, self._codec.decode(payload).dense(total), codes[name])
                for name, payload in payloads.items()
                if name in codes
            ],
        )

    def _rehashed(
        self, member: Member, round_number: int, base: ModelState, seed: int
    ) -> bytes | None:
        """What an insider makes of the public record, without data; nothing in the first round."""
        public = self._record.seen(round_number - 1, base, [], [member.name])
        setting = Setting(round_number - 1, self._classes, _rng(seed))
        nothing = np.zeros((1, len(public.model)), dtype=np.float32)
        if not public.past:
            return None
        (update,) = PastMasked().craft(View(setting, nothing, [], public))
        return self._codec.encode(update.astype(np.float32))

    def _poisoned(self, member: Member, setting: Setting) -> Examples:
        shard = self._shards[member.name]
        if member.role in {"label-flip", "sybil"}:
            return LabelFlip().poison([shard], setting)[0]
        return shard

    def _draw(self, round_number: int, position: int) -> int:
        return int(
            np.random.SeedSequence([self._seed, round_number, position]).generate_state(1)[0]
        )


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
