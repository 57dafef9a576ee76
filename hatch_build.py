"""Compiles the gate's quick way, ``cookiegate.gate._projection``, into the wheel; hatchling calls it.

python hatch_build.py       compiles it in place, for a checkout; exits 1 and says why where that fails

It is optional: without a C compiler or Python's headers the package is built all the same, for every platform, and the
gate takes its thorough way only. The module keeps to Python's stable interface, so one build serves 3.11 and later.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from setuptools import Distribution, Extension
from setuptools.command.build_ext import build_ext
from setuptools.errors import BaseError, CCompilerError, CompileError, LinkError

MODULE = "cookiegate.gate._projection"
SOURCES = "cookiegate/gate/projection"
#: Python 3.11's stable interface (PEP 384), and the wheel's tag for it.
STABLE_SINCE, STABLE_TAG = "0x030B0000", "cp311-abi3"
#: A function outside the stable interface is not declared: that must not wait for the import to be found out.
OPTIONS = ["-std=c11", "-O3", "-g0", "-fvisibility=hidden", "-Werror=implicit-function-declaration"]
WITHOUT = "the gate takes its thorough way only: right, but several times slower"


class NotCompiledError(Exception):
    """Why there is no module, in one sentence."""


def digest_of(root: Path) -> str:
    """What the module says of the sources that it was built from, as ``cookiegate.gate.projecting`` works it out."""
    sources = sorted((root / SOURCES).glob("*.[ch]"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def compile_module(root: Path, folder: Path) -> Path:
    """Compiles all of ``SOURCES`` below ``root`` into one module below ``folder``; returns its file.

    Raises:
        NotCompiledError: no sources, compiler or headers, a fault in the sources, or no stable interface.
    """
    sources = sorted(str(path) for path in (root / SOURCES).glob("*.c"))
    if not sources:
        raise NotCompiledError(f"no sources in {SOURCES}")
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise NotCompiledError("this Python has no stable interface")
    extension = Extension(
        MODULE,
        sources,
        define_macros=[("Py_LIMITED_API", STABLE_SINCE), ("BUILT_FROM", f'"{digest_of(root)}"')],
        extra_compile_args=[] if os.name == "nt" else OPTIONS,
        py_limited_api=True,
    )
    command = build_ext(Distribution({"name": "cookiegate", "ext_modules": [extension]}))
    command.build_lib = command.build_temp = str(folder)
    try:
        command.ensure_finalized()
        command.run()
    except (BaseError, CCompilerError, CompileError, LinkError) as error:
        raise NotCompiledError(str(error)) from error
    return Path(command.get_outputs()[0])


def compile_in_place(root: Path) -> Path:
    """Puts the module beside its Python; where that fails an older one goes, so that none is taken for this one.

    Raises:
        NotCompiledError: as ``compile_module``, or nothing can be written there.
    """
    home = (root / SOURCES).parent
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = compile_module(root, Path(folder))
            # A process may run on the one that is there: it keeps it.
            fresh = home / f"{made.name}.new"
            shutil.copyfile(made, fresh)
            return fresh.replace(home / made.name)
        except NotCompiledError:
            _remove_old(home)
            raise
        except OSError as error:
            _remove_old(home)
            raise NotCompiledError(str(error)) from error


def _remove_old(home: Path) -> None:
    for pattern in ("_projection*.so*", "_projection*.pyd*"):
        for old in home.glob(pattern):
            with contextlib.suppress(OSError):  # what stays says itself that it is of other sources
                old.unlink()


class ProjectionHook(BuildHookInterface[Any]):
    """Compiles for a wheel in a folder of its own, for an editable install in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the module and the platform's tag to what is built, or says that it is built without."""
        root = Path(self.root)
        try:
            if version == "editable":
                compile_in_place(root)
                return
            self._folder = tempfile.TemporaryDirectory()
            made = compile_module(root, Path(self._folder.name))
        except NotCompiledError as error:
            self.app.display_warning(f"{MODULE} is left out ({error}): {WITHOUT}")
            return
        build_data["force_include"][str(made)] = f"cookiegate/gate/{made.name}"
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"{STABLE_TAG}-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Removes the folder that it was compiled in."""
        if version != "editable":
            self._folder.cleanup()


if __name__ == "__main__":
    try:
        print(compile_in_place(Path(__file__).parent))
    except NotCompiledError as reason:
        sys.exit(f"{MODULE} is not compiled ({reason}): {WITHOUT}")
