"""What people write: task files, amounts, data, settings; every mistake named."""

import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from karat.cli.app import main
from karat.config import load_settings, origins
from karat.errors import ConfigError
from karat.money import Money
from karat.participants.sponsor.taskfile import load_task_file
from karat.participants.trainer.data import load_examples, shard_of
from learning import tasks
from learning.errors import TaskError

GOOD = """
task = "mlp-digits"
rounds = 3
[rewards]
trainers = 10.5
verifiers = 1
[stakes]
trainer = 5
verifier = "8.5"
[windows]
commit = "2m"
reveal = 60
score_commit = "1h"
score_reveal = 60
[[verifiers]]
account = "vera"
"""
MONEY = Money("KDEV", 18)


def write(folder: Path, text: str) -> Path:
    path = folder / "task.toml"
    path.write_text(text)
    return path


def test_a_task_file_is_read(tmp_path: Path) -> None:
    file = load_task_file(write(tmp_path, GOOD))
    assert file.windows.commit == 120
    assert file.escrow(MONEY) == 3 * 11_500_000_000_000_000_000
    assert file.grants(lambda name: f"address of {name}")[0].verifier == "address of vera"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"mlp-digits"', '"mlp-letters"', "there is no 'mlp-letters'"),
        ("rounds = 3", 'rounds = 3\ntoken = "0x12"', "token: '0x12' is no address"),
        ("rounds = 3", "rounds = 0", "rounds: .*greater than or equal to 1"),
        ("rounds = 3", "rounds = 3\ncolour = 1", "colour: Extra inputs"),
        ("trainers = 10.5", "trainers = -1", "rewards.trainers: .*greater than 0"),
        ("verifiers = 1", "verifiers = 1\nescrow = 2", "rewards.escrow: 2 does not pay"),
        ('"2m"', '"soon"', "windows.commit: .*write seconds"),
        ("reveal = 60", "reveal = 60\ncooldown = 5", "windows.cooldown: 5 s is shorter"),
        ("reveal = 60", "reveal = 60\nappeal = 60", "stakes.appeal_bond"),
        ('[[verifiers]]\naccount = "vera"', "", "verifiers: name at least one"),
        ('account = "vera"', 'account = "vera"\nweight = 0', "verifiers.0.weight"),
        ("[rewards]", "[rewards", "is not TOML"),
    ],
)
def test_nonsense_is_refused_with_the_field(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        load_task_file(write(tmp_path, GOOD.replace(old, new, 1)))


def test_appeals_bound_the_number_of_trainers(tmp_path: Path) -> None:
    text = GOOD.replace("[windows]", "appeal_bond = 1\n\n[windows]\nappeal = 60")
    limit = 16 * (4000 // 15)
    fits = f"committee_size = 15\nmax_trainers = {limit}\n{text}"
    assert load_task_file(write(tmp_path, fits)).max_trainers == limit
    with pytest.raises(ConfigError, match=f"committee of 15 there can be {limit} at most"):
        load_task_file(write(tmp_path, fits.replace(f"= {limit}", f"= {limit + 1}")))


def test_no_more_examples_are_assigned_than_there_are(tmp_path: Path) -> None:
    file = load_task_file(write(tmp_path, f"assigned_examples = 128\n{GOOD}"))
    assert file.spec().data.assigned == 128
    assert load_task_file(write(tmp_path, GOOD)).spec() == tasks.get("mlp-digits")
    with pytest.raises(TaskError, match="assigns 99999 of"):
        load_task_file(write(tmp_path, f"assigned_examples = 99999\n{GOOD}")).spec()


def test_amounts_are_exact() -> None:
    assert MONEY.parse("0.000000000000000001") == 1
    assert MONEY.parse(Decimal("123456789012345678.5")) == 123456789012345678500000000000000000
    assert MONEY.show(1_500_000_000_000_000_000) == "1.5 KDEV"
    assert MONEY.show(10**21) == "1000 KDEV"


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "much", "0.0000000000000000001"])
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no amount of KDEV"):
        MONEY.parse(text)


def test_own_data_is_read_from_files_and_folders(tmp_path: Path) -> None:
    spec = tasks.get("mlp-digits")
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", x=np.zeros((5, 8, 8)), y=np.arange(5))
    assert load_examples(spec, tmp_path / "a.npz").x.shape == (5, 64)
    assert len(load_examples(spec, tmp_path)) == 10
    text = tasks.get("gpt-text")
    (tmp_path / "book.txt").write_text("karat " * 100)
    assert load_examples(text, tmp_path / "book.txt").x.shape == (9, 64)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.zeros((5, 63)), np.arange(5), r"x must be \[n, 64\]"),
        (np.zeros((5, 64)), np.arange(4), "y must be 5 whole numbers"),
        (np.zeros((5, 64)), np.arange(5.0), "y must be 5 whole numbers"),
        (np.zeros((5, 64)), np.arange(5) + 6, "between 0 and 9"),
        (np.full((5, 64), np.nan), np.arange(5), "NaN"),
        (np.zeros((0, 64)), np.arange(0), "x must be"),
        (np.array([object()] * 5), np.arange(5), "no arrays x and y"),
    ],
)
def test_data_that_does_not_fit_is_refused(
    tmp_path: Path, x: np.ndarray, y: np.ndarray, reason: str
) -> None:
    path = tmp_path / "own.npz"
    np.savez(path, allow_pickle=True, x=x, y=y)
    with pytest.raises(ConfigError, match=reason):
        load_examples(tasks.get("mlp-digits"), path)


@pytest.mark.parametrize("text", ["3/2", "0/2", "half", "1/2/3"])
def test_no_shard(text: str) -> None:
    with pytest.raises(ConfigError, match="no shard"):
        shard_of(tasks.get("mlp-digits"), text)


def test_folders_say_where_they_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KARAT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("KARAT_DATA_DIR", raising=False)
    monkeypatch.setattr(sys, "argv", ["karat", "config", "show"])
    with pytest.raises(SystemExit):
        main()
    shown = {line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()}
    assert (shown["config_dir"], shown["data_dir"]) == ("KARAT_CONFIG_DIR", "default")


def test_settings_say_where_they_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KARAT_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text('network = "user"\ndevice = "cpu"\n')
    (tmp_path / "karat.toml").write_text('network = "project"\nstore = "local:p"\n')
    monkeypatch.setenv("KARAT_STORE", "local:e")
    settings = load_settings(account="alice")
    values = (settings.network, settings.store, settings.device, settings.account)
    assert values == ("project", "local:e", "cpu", "alice")
    found = origins(["account"])
    assert found["network"] == "karat.toml"
    assert found["store"] == "KARAT_STORE"
    assert found["device"].endswith("config.toml")
    assert (found["account"], found["keystore"]) == ("--account", "default")
    monkeypatch.setenv("KARAT_DEVICE", "abacus")
    with pytest.raises(ConfigError, match="KARAT_DEVICE"):
        load_settings()


def test_a_mistyped_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KARAT_CONFIG_DIR", str(tmp_path))
    (tmp_path / "karat.toml").write_text('network = "prod"\n[networks.prod]\n')
    assert load_settings().network == "prod"
    (tmp_path / "karat.toml").write_text('netwrk = "prod"\n')
    with pytest.raises(ConfigError, match=r"karat.toml: there is no setting 'netwrk'"):
        load_settings()
