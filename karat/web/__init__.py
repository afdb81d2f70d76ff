"""The web page of a network, read-only: ``karat serve``.

``follower`` keeps the event index and each task's ``book`` up to date; ``views`` turn them into
the ``schemas`` of the JSON API, which ``static`` shows in the browser.
"""
