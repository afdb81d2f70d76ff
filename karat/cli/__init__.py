"""The command line. ``app`` only wires; each verb has a file of its own."""
