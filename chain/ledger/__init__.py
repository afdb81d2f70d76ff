"""Karat's contracts: bindings, deployment, commitments, network profiles, event index."""
