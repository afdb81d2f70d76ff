"""A daemon's log on stderr: for people on a terminal, one JSON object a line elsewhere."""

import os
import sys

import structlog
from structlog.typing import FilteringBoundLogger, Processor


def daemon_log(role: str, **context: object) -> FilteringBoundLogger:
    """A logger that says with every line whose it is."""
    render: Processor
    if sys.stderr.isatty():
        render = structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR"))
    else:
        render = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    log: FilteringBoundLogger = structlog.get_logger().bind(role=role, **context)
    return log
