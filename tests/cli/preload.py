"""What the server that forks the commands has loaded."""

import torch

import karat.cli.app
import karat.participants.sponsor.taskfile
import karat.participants.trainer.daemon
import karat.participants.verifier.daemon
import karat.protocol.anchored
import karat.sdk

torch.set_num_threads(1)
__all__ = ["karat"]
