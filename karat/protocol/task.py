"""A task as its participants see it: rules, models and updates, from the chain and the store."""

from functools import cached_property

from pydantic import ValidationError

from chain.store import Store
from chain.store.errors import NotFound
from karat.errors import ProtocolError
from karat.protocol.content import Content, fetch
from karat.protocol.history import TaskHistory
from karat.protocol.round_content import RoundContents
from karat.protocol.state import Outcome, Round
from learning.aggregation import next_model
from learning.codec import Codec, SparseUpdate
from learning.judge.history import WINDOW, History, PastRound, past_round
from learning.judge.intake import SubmittedUpdate, decode
from learning.model_state import ModelState
from learning.tasks import TaskSpec
from learning.training import layout_of

MAX_SPEC_BYTES = 1 << 16
_MODELS = WINDOW + 2  # kept in memory: those that a round is judged with, and the next one


class Task:
    """One task: the chain's record of it, and the content behind the digests."""

    def __init__(self, history: TaskHistory, store: Store) -> None:
        self.history = history
        self.store = store
        self._past: dict[int, PastRound] = {}
        self._contents = RoundContents(store)
        self._models: dict[bytes, ModelState] = {}

    @cached_property
    def spec(self) -> TaskSpec:
        """What the sponsor published.

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
            return TaskSpec.from_bytes(data)
        except ValidationError as error:
            raise ProtocolError(
                f"task {self.history.task_id} has no usable specification: "
                f"{error.errors()[0]['msg']}; its sponsor published something else"
            ) from error

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
        numbers = [
            number
            for number, past in sorted(self.history.rounds.items())
            if number < before and past.outcome is Outcome.SETTLED
        ]
        self._past = {number: self._look_back(number) for number in numbers[-WINDOW:]}
        return History(self.first, tuple(self._past.values()))

    @cached_property
    def first(self) -> ModelState:
        """The model that the sponsor published."""
        params = self.history.params
        return self.model(Content(params.model_digest, params.model_size))

    def _look_back(self, number: int) -> PastRound:
        if number in self._past:
            return self._past[number]
        past = self.history.round(number)
        updates = self.submissions(past)
        return past_round(self.spec, number, self.base(past), updates, past.medians)

    def next_model(self, current: Round) -> ModelState:
        """The model that follows from a settled round, exactly."""
        return self._after(self.base(current), current)

    def replay(self) -> dict[int, ModelState]:
        """Recompute every settled round's result from the first base model on.

        Uses nothing but the chain and the store, and none of the attested models after the
        first: what comes out can be compared with them.
        """
        model = self.first
        models: dict[int, ModelState] = {}
        for number, current in sorted(self.history.rounds.items()):
            if current.outcome is Outcome.SETTLED:
                model = models[number] = self._after(model, current)
        return models

    def _after(self, base: ModelState, current: Round) -> ModelState:
        codec = Codec(self.spec.codec, base.layout)
        updates = [
            decoded if isinstance(decoded := decode(codec, item), SparseUpdate) else item.payload
            for item in self.submissions(current)
        ]
        return next_model(self.spec, base, updates, current.medians)
