"""What the server that forks the commands has loaded."""

import torch

import karat.anchored
import karat.cli.app
import karat.daemon.training
import karat.daemon.verifying
import karat.faucet
import karat.sdk
import karat.taskfile

torch.set_num_threads(1)
__all__ = ["karat"]
