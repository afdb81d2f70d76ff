"""What ``karat reputation attest`` takes for edges; no network is asked before they are sound."""

import re

import pytest
from typer.testing import CliRunner

from karat.cli.app import app

ONE, OTHER = "0x" + "ab" * 20, "0x" + "cd" * 20


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([f"{ONE}=0"], "the weight 0 for .* is not between 1 and 32767"),
        ([f"{ONE}=32768"], "is not between 1 and 32767"),
        ([f"{ONE}=-32768"], "is not between 1 and 32767"),
        ([f"{ONE}=1", f"{OTHER}=1.5"], "is not ADDRESS=WEIGHT"),
        ([ONE], "is not ADDRESS=WEIGHT"),
        ([f"{ONE}="], "is not ADDRESS=WEIGHT"),
        ([f"{ONE}=much"], "is not ADDRESS=WEIGHT"),
        ([f"{ONE}=١"], "is not ADDRESS=WEIGHT"),
        ([f"{ONE}={'9' * 5000}"], "is not ADDRESS=WEIGHT"),
        (["0x12=1"], "'0x12' is no address"),
        (["12=1"], "is not ADDRESS=WEIGHT"),
        (["0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed=1"], "is mistyped"),
        ([f"0x{'zz' * 20}=1"], "is no address"),
        ([f"{ONE}=1", f"0x{ONE[2:].upper()}=2"], "is there twice: add its weights"),
        ([f"0x{number:040x}=1" for number in range(33)], "33 attestations are not between 1"),
        ([], "Missing argument"),
    ],
)
def test_edges_that_are_none_are_refused(words: list[str], reason: str) -> None:
    done = CliRunner().invoke(app, ["reputation", "attest", "1", *words], env={"COLUMNS": "10000"})
    assert done.exit_code == 2
    assert re.search(reason, " ".join(done.output.replace("│", " ").split()))
