"""How often Python looks for garbage in a process that serves or imports."""

import gc

_YOUNG = 20_000
"""Objects made and not let go after which the youngest are looked at; of its own accord Python does so after 700."""


def collect_seldom() -> None:
    """Look for garbage less often."""
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
