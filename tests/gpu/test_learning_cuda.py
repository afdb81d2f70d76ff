"""The CPU and the GPU give the same verdicts, scores within a grid step, and the same model."""

import hashlib

import numpy as np
import pytest
import torch

from learning.codec import Codec
from learning.judge.history import History
from learning.judge.intake import SubmittedUpdate
from learning.judge.verifier import score_round
from learning.score_codes import LOWEST_SCORE
from learning.tasks import get as get_task
from learning.tasks.data import Examples, partition
from learning.training import initial_model, layout_of, train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def submitted(name: str) -> list[SubmittedUpdate]:
    task = get_task(name)
    codec, base = Codec(task.codec, layout_of(task)), initial_model(task)
    payloads = []
    for i, shard in enumerate(partition(task, 10, seed=2)):
        shown = Examples(shard.x, shard.y.max() - shard.y, shard.group) if i == 9 else shard
        payloads.append(codec.encode(train(task, base, shown, i, "cpu")))
    payloads.append(b"junk")
    return [
        SubmittedUpdate(i, f"t{i}", hashlib.sha256(p).digest(), len(p), i, p)
        for i, p in enumerate(payloads)
    ]


@pytest.mark.parametrize("name", ["mlp-digits", "cnn-digits", "gpt-text"])
def test_same_verdicts_and_scores_within_a_step(name: str) -> None:
    task = get_task(name)
    base, updates = initial_model(task), submitted(name)
    cpu = score_round(task, base, updates, 5, History(base), "cpu").codes.astype(int)
    gpu = score_round(task, base, updates, 5, History(base), "cuda").codes.astype(int)
    verdicts = (cpu < LOWEST_SCORE) | (gpu < LOWEST_SCORE)
    assert (cpu[verdicts] == gpu[verdicts]).all()
    assert np.abs(cpu - gpu).max() <= 1
    assert cpu[-1] < LOWEST_SCORE


def test_training_on_the_gpu_is_close_to_the_cpu() -> None:
    task = get_task("mlp-digits")
    base, shard = initial_model(task), partition(task, 4, 0)[0]
    cpu, gpu = (train(task, base, shard, 3, device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(cpu, gpu, atol=1e-4)
