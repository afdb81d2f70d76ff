"""A task as its participants see it: rules, models and updates, from the chain and the store."""

from collections.abc import Mapping
from functools import cached_property

from pydantic import ValidationError

from chain.store import Store
from chain.store.errors import NotFound
from karat.errors import ProtocolError
from karat.protocol.content import Content, fetch
from karat.protocol.history import TaskHistory
from karat.protocol.mixture import Mixture
from karat.protocol.round_content import RoundContents
from karat.protocol.rules import settled_mixture
from karat.protocol.state import Outcome, Round
from learning.codec import Codec, SparseUpdate
from learning.errors import AggregationError
from learning.judge.apply import apply
from learning.judge.codes import AGES
from learning.judge.history import WINDOW, History, PastRound, past_round
from learning.judge.intake import SubmittedUpdate, decode
from learning.model_state import ModelState
from learning.tasks import TaskSpec, bundle
from learning.training import layout_of

MAX_SPEC_BYTES = 1 << 16
_MODELS = WINDOW + 2  # kept in memory: those that a round is judged with, and the next one


class Task:
    """One task: the chain's record of it, and the content behind the digests."""

    def __init__(self, history: TaskHistory, store: Store, memory: int | None = None) -> None:
        """Make a task; its decoded updates take ``memory`` bytes at most, if it is given."""
        self.history = history
        self.store = store
        self._past: dict[int, PastRound] = {}
        self._contents = RoundContents(store, memory)
        self._models: dict[bytes, ModelState] = {}

    @cached_property
    def spec(self) -> TaskSpec:
        """What the sponsor published; the files that it names are fetched too, once a process.

        Raises:
            ProtocolError: the document behind the task's digest is no task specification.
            NotFound: the store does not have it; probably the task's is another store.
        """
        # A specification fits one block, whose digest is that of the bytes.
        cid = Content(self.history.params.spec_digest, 0).cid
        try:
            data = self.store.get(cid, max_bytes=MAX_SPEC_BYTES)
        except NotFound as error:
            raise NotFound(
                f"task {self.history.task_id} keeps its files in another store: {error}; name the "
                "one its sponsor published them in (--store, KARAT_STORE)"
            ) from error
        try:
            spec = TaskSpec.from_bytes(data)
        except ValidationError as error:
            raise ProtocolError(
                f"task {self.history.task_id} has no usable specification: "
                f"{error.errors()[0]['msg']}; its sponsor published something else"
            ) from error
        for part in spec.bundle.parts if spec.bundle else ():
            if not bundle.is_held(part):
                content = Content(bytes.fromhex(part.digest), part.size)
                bundle.hold(part, fetch(self.store, content, max_bytes=part.size))
        return spec

    def model(self, content: Content) -> ModelState:
        """Fetch a model, once; raises StoreError, or ModelStateError if it is none of the task."""
        if content.digest not in self._models:
            layout = layout_of(self.spec)
            limit = 4 * layout.total + 256 * (len(layout.names) + 4)
            data = fetch(self.store, content, max_bytes=limit)
            self._models[content.digest] = ModelState.from_bytes(layout, data)
            for digest in list(self._models)[:-_MODELS]:
                del self._models[digest]
        return self._models[content.digest]

    def base(self, current: Round) -> ModelState:
        """The model that a round builds on."""
        return self.model(Content(current.base_digest, current.base_size))

    def submissions(self, current: Round) -> list[SubmittedUpdate]:
        """A round's revealed updates with their bytes, in index order; fetched and decoded once."""
        return self._contents.of(current, max_bytes=self.spec.codec.max_bytes)

    def past(self, before: int) -> History:
        """The task's first model, and the settled rounds that round ``before`` is judged with."""
        rounds = self._settled_before(before)[-WINDOW:]
        self._past = {past.number: self._look_back(past) for past in rounds}
        return History(self.first, tuple(self._past.values()))

    @cached_property
    def first(self) -> ModelState:
        """The model that the sponsor began with."""
        params = self.history.params
        return self.model(Content(params.model_digest, params.model_size))

    def _look_back(self, past: Round) -> PastRound:
        if past.number in self._past:
            return self._past[past.number]
        updates = self.submissions(past)
        return past_round(self.spec, past.number, self.base(past), updates, past.medians)

    def next_model(self, current: Round) -> ModelState:
        """The model that follows from a settled round, exactly.

        Raises:
            AggregationError: the bytes of an update that the model takes are missing.
            StoreError: the store cannot be reached, or lacks a model.
        """
        mixture, earlier = settled_mixture(current), self._settled_before(current.number)
        past = {age: self.base(earlier[-age]) for age in mixture.public if age <= len(earlier)}
        return self._after(current, mixture, self.base(current), past)

    def replay(self) -> dict[int, ModelState]:
        """Recompute every settled round's result from the first base model on.

        Uses nothing but the chain and the store, and none of the attested models after the
        first: what comes out can be compared with them.
        """
        model, bases = self.first, list[ModelState]()
        models: dict[int, ModelState] = {}
        for number, current in sorted(self.history.rounds.items()):
            if current.outcome is Outcome.SETTLED:
                past = {age: bases[-age] for age in AGES if age <= len(bases)}
                bases.append(model)
                model = models[number] = self._after(current, settled_mixture(current), model, past)
        return models

    def _settled_before(self, number: int) -> list[Round]:
        rounds = sorted(self.history.rounds.items())
        return [past for n, past in rounds if n < number and past.outcome is Outcome.SETTLED]

    def _after(
        self, current: Round, mixture: Mixture, base: ModelState, past: Mapping[int, ModelState]
    ) -> ModelState:
        """``past``: models by age; movements of the model since before its first round are none."""
        taken = [(update, weight) for _, update, weight in self.taken(current, mixture)]
        public = {age: code for age, code in mixture.public.items() if age in past}
        updates, weights = [update for update, _ in taken], [weight for _, weight in taken]
        return apply(base, updates, weights, past, public)

    def taken(self, current: Round, mixture: Mixture) -> list[tuple[str, SparseUpdate, int]]:
        """Every update that the model takes from a settled round: (trainer, update, weight).

        Raises:
            AggregationError: the bytes of one are missing.
            StoreError: the store cannot be reached.
        """
        codec, taken = Codec(self.spec.codec, layout_of(self.spec)), []
        for item, weight in zip(self.submissions(current), mixture.weights, strict=True):
            if weight and item.payload is None:
                raise AggregationError(
                    f"the model takes update {item.index} of round {current.number}, but its "
                    "bytes are missing; name a store that has them"
                )
            update = decode(codec, item) if weight else None
            if isinstance(update, SparseUpdate):
                taken.append((item.trainer, update, weight))
        return taken
