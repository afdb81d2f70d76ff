"""The edge where an exception becomes one clear sentence and an exit code."""

from karat.errors import Advice, Exit, Hint, KaratError

_COMMANDS = {
    Hint.NEW_ACCOUNT: "`karat account new NAME` makes a key of your own",
    Hint.START_NETWORK: "`karat up` starts the network 'local'",
    Hint.WIPE_NETWORK: "`karat down --wipe` removes it, to begin anew",
    Hint.COLLECT_GARBAGE: "`karat store gc` frees what is not pinned",
    Hint.TOP_UP_TASK: "`karat task top-up {task}` adds to it",
    Hint.OPEN_ROUND: "`karat round open {task}` opens one",
    Hint.RAISE_FEE_LIMIT: "KARAT_MAX_FEE (ether) and KARAT_MAX_TIP (gwei) raise the limits",
    Hint.TRAIN: "`karat trainer train {task}` makes one",
    Hint.JOIN: "`karat {role} join {task}` makes it one",
}


def exit_code(error: BaseException) -> Exit:
    """The exit code documented for ``error``; :attr:`Exit.FAILURE` if none is."""
    return error.exit_code if isinstance(error, KaratError) else Exit.FAILURE


def sentence(error: BaseException) -> str:
    """What happened, and which command would help."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"cannot use {error.filename}: {error.strerror}"
    text = str(error) or type(error).__name__
    advice = error.advice if isinstance(error, KaratError) else None
    return text if advice is None else f"{text}; {in_words(advice)}"


def in_words(advice: Advice) -> str:
    """A hint as the command to run."""
    return _COMMANDS[advice.hint].format(**advice.values)
