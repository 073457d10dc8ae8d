"""Plugging the document index into a running Onyx, with or without the engine it had before."""
