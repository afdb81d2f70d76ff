"""How a task's model came along: losses from the evidence, accuracies computed here.

Accuracies need torch and the task's data, so they are computed in the background, and only for
tasks whose specification is one that this software registers: a stranger's could ask for a model
of any size.
"""

import time
from concurrent.futures import ThreadPoolExecutor

from chain.store.errors import StoreError
from karat.errors import KaratError
from karat.protocol.content import Content, fetch
from karat.protocol.evidence import likely_bytes, most_bytes
from karat.sdk import Network
from karat.web import schemas
from karat.web.book import TaskBook
from karat.web.evaluation import Evaluator
from karat.web.facts import Kept
from karat.web.follower import Follower
from karat.web.library import Library
from learning import tasks
from learning.evidence import Evidence

MOST_ROUNDS = 60  # the latest; a chart of more could not be read
_MOST_MODEL = 1 << 24  # bytes
_SECONDS = 8.0  # for reading evidence; a slow store makes a chart with gaps


class Progresses:
    """The progress of each task."""

    def __init__(self, follower: Follower, library: Library, network: Network) -> None:
        self._follower, self._library, self._network = follower, library, network
        self._accuracy = Kept(5_000)  # (specification, model): accuracy or None
        self._asked: set[tuple[bytes, bytes]] = set()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="progress")
        self._evaluator = Evaluator()

    def close(self) -> None:
        """End; what is being computed is waited for."""
        self._worker.shutdown(cancel_futures=True)
        self._evaluator.close()

    def progress(self, book: TaskBook) -> schemas.Progress:
        """Losses and accuracies of the latest rounds; some may still be computing."""
        with self._follower.lock:
            params, name = book.history.params, self._name(book)
            rounds = sorted(book.history.rounds.items())[-MOST_ROUNDS:]
            bases = {n: Content(r.base_digest, r.base_size) for n, r in rounds}
            told = {n: (list(r.evidence.values()), len(r.updates)) for n, r in rounds}
            last = next((past.next_model for _, past in reversed(rounds)), None)
        final = None if last is None else Content(*last)
        models = {c.digest: c for c in (*bases.values(), final) if c is not None}
        computing = False
        if name is not None and params.model_size <= _MOST_MODEL:
            computing = self._ask(name, params.spec_digest, models)
        found = {d: self._accuracy.get((params.spec_digest, d)) for d in models}
        until = time.monotonic() + _SECONDS
        points = [
            schemas.Point(round=n, loss=self._loss(*told[n], until), accuracy=found[c.digest])
            for n, c in bases.items()
        ]
        return schemas.Progress(
            points=points,
            final_accuracy=None if final is None else found[final.digest],
            computing=computing,
            note=None if name else "Accuracy is computed only for tasks that Karat registers.",
        )

    def _name(self, book: TaskBook) -> str | None:
        """The name of the task, if it is one that this software registers."""
        digest = book.history.params.spec_digest
        found = self._library.specification(digest)
        if found.state != "read" or found.value.name not in tasks.names():
            return None
        name: str = found.value.name
        return name if Content.of(tasks.get(name).to_bytes()).digest == digest else None

    def _loss(self, digests: list[bytes], updates: int, until: float) -> float | None:
        """The loss that the first readable evidence gives for the model a round starts from."""
        for digest in digests:
            if time.monotonic() > until:
                return None
            found = self._library.document(
                digest,
                most_bytes(updates),
                likely_bytes(updates),
                Evidence.from_bytes,
            )
            if found.state == "read":
                loss: float | None = found.value.loss
                return loss
        return None

    def _ask(self, name: str, spec: bytes, models: dict[bytes, Content]) -> bool:
        """Have the models evaluated that were not; whether some are still to come."""
        missing = [c for d, c in models.items() if (spec, d) not in self._accuracy]
        for content in missing:
            if (spec, content.digest) not in self._asked:
                self._asked.add((spec, content.digest))
                self._worker.submit(self._evaluate, name, spec, content)
        return bool(missing)

    def _evaluate(self, name: str, spec: bytes, content: Content) -> None:
        key = (spec, content.digest)
        try:
            self._accuracy.keep(key, self._accuracy_of(name, content))
        except StoreError:
            pass  # it may come back
        except KaratError:
            self._accuracy.keep(key, None)
        finally:
            self._asked.discard(key)

    def _accuracy_of(self, name: str, content: Content) -> float | None:
        data = fetch(self._network.store, content, max_bytes=_MOST_MODEL)
        return self._evaluator.accuracy(name, data)
