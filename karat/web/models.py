"""A task's model as a file to download: what ``karat model export`` writes, made without torch."""

import logging

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from chain.store.errors import StoreError
from karat.errors import NotAvailable
from karat.protocol.content import Content, fetch
from karat.web.site import Site
from learning.errors import ModelStateError
from learning.model_state import PREFIX, to_float

_LOG = logging.getLogger(__name__)  # names paths and addresses, which a page keeps to itself
MOST_BYTES = 1 << 26


def weights(site: Site, task: int, round_: int) -> bytes:
    """The model after a round (0: the first one) as float32 safetensors.

    Raises:
        NotAvailable: no model is attested, it is too large for the page, or the store cannot
            give it.
    """
    book = site.follower.book(task)
    with site.follower.lock:
        params, past = book.history.params, book.history.rounds.get(round_)
    where = None if past is None else past.next_model
    if round_ == 0:
        where = params.model_digest, params.model_size
    if where is None:
        raise NotAvailable(f"no model after round {round_} of task {task} is attested")
    content = Content(*where)
    if content.size > MOST_BYTES:
        raise NotAvailable(
            f"the model has {content.size} bytes; get it with karat model export {task}"
        )
    try:
        return floats(fetch(site.network.store, content, max_bytes=MOST_BYTES))
    except (StoreError, ModelStateError) as error:
        _LOG.warning("model of round %d of task %d: %s", round_, task, error)
        raise NotAvailable("the content store does not deliver the model") from error


def floats(data: bytes) -> bytes:
    """float32 safetensors from the exact integers of a model, whose bytes were hashed before.

    Raises:
        ModelStateError: they are no model.
    """
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ModelStateError(f"not a safetensors file: {error}") from error
    named = {}
    for name, values in tensors.items():
        if values.dtype != np.int32 or not name.startswith(PREFIX):
            raise ModelStateError(f"tensor {name!r} holds no exact integers")
        named[name.removeprefix(PREFIX)] = to_float(values)
    return bytes(save(named, metadata={"format": "pt"}))
