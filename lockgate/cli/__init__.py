"""The command line: parse, call, print, exit code."""

from lockgate.cli.root import main

__all__ = ["main"]
