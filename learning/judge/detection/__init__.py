"""Detectors: each looks for one kind of misbehaviour and returns findings with their reasons."""
