"""No log for commands that print what they find themselves."""

import logging

import structlog


def silence_logs() -> None:
    """Drop all records. The errors that end a command are printed by ``main``."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
