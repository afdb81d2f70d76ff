"""Models and losses as data: exported graphs that anyone can check, bound and run.

``export`` turns a PyTorch module into a `container.Program`; ``graph`` reads and runs it, with
nothing but the operators of ``operators``; ``cost`` measures it without running it.
"""
