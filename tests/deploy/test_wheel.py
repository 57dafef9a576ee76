"""The package as it is built: with the gate's quick way where a C compiler is, without it where none is.

The copy that is built here has a module of ten lines in the place of the gate's: how it gets in is what counts.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.policies import ROOT

PARTS = ("cookiegate", "static", "examples", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore")
SOURCES = "cookiegate/gate/projection"
MODULE = "cookiegate/gate/_projection.abi3.so"
PLATFORM = sysconfig.get_platform().replace("-", "_").replace(".", "_")
WITHOUT = "the gate takes its thorough way only: right, but several times slower"
#: An environment without a compiler.
NONE = {"CC": "/nonexistent/cc"}
FILES = {
    "length.h": "long length_of(const char *text, long size);\n",
    "length.c": '#include "length.h"\nlong length_of(const char *text, long size) { return text ? size : -1; }\n',
    "module.c": """#include <Python.h>
#include "length.h"

static PyObject *length(PyObject *self, PyObject *argument) {
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(argument, &size);
    return text ? PyLong_FromLong(length_of(text, (long)size)) : NULL;
}

static PyMethodDef methods[] = {{"length", length, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_projection", NULL, 0, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit__projection(void) { return PyModuleDef_Init(&module); }
""",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copy_to(tmp_path / "checkout")


def copy_to(folder: Path) -> Path:
    """What the package is built from, with ``FILES`` as the module's sources."""
    folder.mkdir()
    left = shutil.ignore_patterns("__pycache__", "projection", "_projection*.so")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=left)
        else:
            shutil.copy(ROOT / name, folder)
    (folder / SOURCES).mkdir(parents=True)
    for name, text in FILES.items():
        (folder / SOURCES / name).write_text(text, encoding="utf-8")
    return folder


def run(folder: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    settings = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", **(env or {})}
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, timeout=120, check=False)


def build(folder: Path, kind: str, env: dict[str, str] | None = None) -> tuple[Path, str]:
    """A wheel or an sdist of a checkout, and what its making said."""
    target = folder.parent / f"{kind}-of-{folder.name}"
    shutil.rmtree(target, ignore_errors=True)
    done = run(folder, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", str(target), env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = target.iterdir()
    return made, done.stdout + done.stderr


def names_in(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def expected_in_wheel(folder: Path) -> set[str]:
    """Every file of the package and of what is shipped with it, read from the checkout."""
    package = {path.relative_to(folder).as_posix() for path in (folder / "cookiegate").rglob("*") if path.is_file()}
    static = {f"cookiegate/{path.relative_to(folder).as_posix()}" for path in (folder / "static").rglob("*.js")}
    examples = {"cookiegate/examples/demo.yaml", "cookiegate/examples/sites/shop/index.html"}
    kept = {name for name in package if not name.startswith(f"{SOURCES}/") and name != MODULE}
    return kept | static | examples


def test_the_wheel_has_the_module_compiled_and_is_of_its_platform(checkout: Path, tmp_path: Path) -> None:
    wheel, said = build(checkout, "wheel")
    assert WITHOUT not in said
    assert wheel.name.endswith(f"-cp311-abi3-{PLATFORM}.whl")
    names = names_in(wheel)
    assert expected_in_wheel(checkout) | {MODULE} <= names
    assert not [name for name in names if name.startswith(SOURCES)]
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = "from cookiegate.gate import _projection; print(_projection.length('abc'), _projection.__file__)"
    done = run(tmp_path, "-c", code, env={"PYTHONPATH": str(tmp_path / "installed"), "PYTHONSAFEPATH": "1"})
    assert done.stdout.split() == ["3", str(tmp_path / "installed" / MODULE)], done.stderr


def leave(folder: Path) -> None:
    """The sources are well."""


def break_sources(folder: Path) -> None:
    (folder / SOURCES / "length.c").write_text("long length_of(")


def call_what_is_not_stable(folder: Path) -> None:
    text = FILES["module.c"].replace("PyUnicode_AsUTF8AndSize(argument, &size)", "PyUnicode_DATA(argument)")
    (folder / SOURCES / "module.c").write_text(text)


def remove_sources(folder: Path) -> None:
    shutil.rmtree(folder / SOURCES)


@pytest.mark.parametrize(
    ("spoil", "env"),
    [(leave, NONE), (break_sources, {}), (call_what_is_not_stable, {}), (remove_sources, {})],
    ids=["no compiler", "a fault in the sources", "outside the stable interface", "no sources"],
)
def test_where_it_cannot_be_compiled_the_wheel_is_for_every_platform(
    checkout: Path, spoil: Callable[[Path], None], env: dict[str, str]
) -> None:
    spoil(checkout)
    (checkout / MODULE).write_bytes(b"of an older checkout")
    wheel, said = build(checkout, "wheel", env)
    assert WITHOUT in said
    assert wheel.name.endswith("-py3-none-any.whl")
    assert expected_in_wheel(checkout) <= names_in(wheel)
    assert MODULE not in names_in(wheel)


def test_two_checkouts_give_the_same_wheel_to_the_byte(checkout: Path, tmp_path: Path) -> None:
    other = copy_to(tmp_path / "another")
    first, second = (hashlib.sha256(build(folder, "wheel")[0].read_bytes()).digest() for folder in (checkout, other))
    assert first == second


def test_the_sdist_holds_what_a_wheel_is_compiled_from(checkout: Path) -> None:
    (checkout / MODULE).write_bytes(b"of an older checkout")
    sdist, _ = build(checkout, "sdist")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"hatch_build.py", *(f"{SOURCES}/{name}" for name in FILES)} <= names
    assert MODULE not in names


def test_a_checkout_gets_it_in_place_and_keeps_none_that_is_old(checkout: Path) -> None:
    done = run(checkout, "hatch_build.py")
    assert (done.returncode, done.stdout.strip()) == (0, str(checkout / MODULE)), done.stderr
    assert list((checkout / MODULE).parent.glob("*.so*")) == [checkout / MODULE]
    done = run(checkout, "hatch_build.py", env=NONE)
    assert done.returncode == 1
    assert WITHOUT in done.stderr
    assert not (checkout / MODULE).exists()


def test_an_editable_install_compiles_in_place(checkout: Path, tmp_path: Path) -> None:
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--target", str(tmp_path / "packages")]
    done = run(checkout, "-m", "pip", "install", *options, "--editable", ".")
    assert done.returncode == 0, done.stderr
    assert (checkout / MODULE).is_file()
    assert not list((tmp_path / "packages").rglob("*.so"))
