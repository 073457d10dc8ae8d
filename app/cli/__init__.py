"""The command line: ``vector-search``."""

from app.cli.commands import main

__all__ = ["main"]
