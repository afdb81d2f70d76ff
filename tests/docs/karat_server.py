"""``karat`` for pages, without the seconds that every process spends on importing.

``serve SOCKET`` loads the heavy modules once. ``run SOCKET ARGS…`` is the command: it hands its
arguments, folder, environment and standard streams over, a process is forked that becomes
``karat ARGS``, and its exit code comes back. If the command is killed, so is that process.
"""

import json
import os
import select
import signal
import socket
import sys
from pathlib import Path

_MOST = 1 << 20


def run(path: str, arguments: list[str]) -> int:
    """The command's side; imports nothing heavy."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(path)
        request = {"args": arguments, "cwd": str(Path.cwd()), "env": dict(os.environ)}
        data = json.dumps(request).encode()
        socket.send_fds(line, [len(data).to_bytes(4, "big")], [0, 1, 2])
        line.sendall(data)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: line.sendall(bytes([number])))
        answer = line.recv(1)
    return answer[0] if answer else 1


def serve(path: str) -> None:
    """The server's side; ends with the process that started it."""
    import tests.cli.preload  # noqa: F401

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(path)
        server.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the managers
        while True:
            if os.getppid() == 1:
                return
            if not select.select([server], [], [], 1.0)[0]:
                continue
            line, _ = server.accept()
            if os.fork() == 0:
                server.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _manage(line)
                os._exit(0)
            line.close()


def _manage(line: socket.socket) -> None:
    """Fork the command, wait for it, pass signals on, report its code."""
    head, files, _, _ = socket.recv_fds(line, 4, 3)
    data = b""
    while len(data) < min(int.from_bytes(head, "big"), _MOST):
        data += line.recv(1 << 16)
    child = os.fork()
    if child == 0:
        line.close()
        _become(json.loads(data), files)
    for file in files:
        os.close(file)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            line.sendall(bytes([code if code >= 0 else 128 - code]))
            return
        if select.select([line], [], [], 0.02)[0]:
            said = line.recv(1)
            os.kill(child, said[0] if said else signal.SIGKILL)
            if not said:
                return


def _become(request: dict[str, object], files: list[int]) -> None:
    environment, arguments = request["env"], request["args"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.chdir(str(request["cwd"]))
    os.environ.clear()
    os.environ.update(environment)
    for number, file in enumerate(files):
        os.dup2(file, number)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, buffering=1, closefd=False)
        for number, mode in enumerate(("r", "w", "w"))
    )
    sys.argv = ["karat", *arguments]
    from karat.cli.app import main

    code = 1
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        os._exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "run":
        sys.exit(run(sys.argv[2], sys.argv[3:]))
    serve(sys.argv[2])
