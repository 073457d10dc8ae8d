"""Putting the plugin into Onyx without editing Onyx's files.

Onyx's modules take functions from one another by ``from … import``, so a function must be replaced before
anybody took it: as soon as the module that defines it has run. That is what the finder here sees to. It
stands before the others, lets them find the module, and has the patch run right after the module's own code.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from onyx_vector_search.plugin import patches, settings

Patch = Callable[[ModuleType], None]


class TooLateError(RuntimeError):
    """A module to be patched has been imported already: others hold what it defined."""


def install() -> None:
    """Have Onyx use this index from now on; does nothing where Onyx is not told to (VECTOR_DB_TYPE=pgvector).

    What is wrong with the settings or with this version of Onyx is raised when Onyx's modules are imported:
    Python passes over errors in what it runs at its start, and Onyx would go on with the engine it had.

    Raises
    ------
    TooLateError
        Onyx was imported before.
    """
    if not settings.is_chosen() or any(isinstance(finder, _PatchingFinder) for finder in sys.meta_path):
        return
    if late := sorted(patches.PATCHES.keys() & sys.modules.keys()):
        raise TooLateError(f"Install the plugin before Onyx is imported; already there: {', '.join(late)}.")
    sys.meta_path.insert(0, _PatchingFinder(patches.PATCHES))


class _PatchingFinder(MetaPathFinder):
    """Finds the modules that are to be patched where they are, and wraps their loaders."""

    def __init__(self, wanted: Mapping[str, Patch]) -> None:
        self._wanted = wanted

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        patch = self._wanted.get(fullname)
        if patch is None:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        spec.loader = _PatchingLoader(spec.loader, patch)
        return spec


class _PatchingLoader(Loader):
    """Runs a module's own code, then the patch."""

    def __init__(self, loader: Loader, patch: Patch) -> None:
        self._loader = loader
        self._patch = patch

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        self._patch(module)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the loader has: sources for tracebacks, files
        return getattr(self._loader, name)
