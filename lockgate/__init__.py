"""Lockgate: what every other package shares. See docs/architecture.md for the whole picture."""

__version__ = "0.1.0"
