"""Carries a Dockerfile out without Docker: its COPYs, its RUN in a clean root, its result read-only and unprivileged.

The root is an overlay over this machine's own system (it stands for the base image) in a mount namespace of its own.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from support.policies import ROOT

BASE_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    """From one FROM to the next: instructions as (name, rest)."""

    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """What the instructions of a name say."""
        return [rest for step, rest in self.steps if step == name]

    def exec_form(self, name: str) -> list[str]:
        """The last instruction of a name, which must need no shell."""
        return [str(word) for word in json.loads(self.all(name)[-1])]

    def env(self) -> dict[str, str]:
        """The environment that it sets."""
        return dict(word.split("=", 1) for rest in self.all("ENV") for word in shlex.split(rest))


def read_stages(path: Path) -> list[Stage]:
    """The stages of a Dockerfile that its linter has passed."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    stages: list[Stage] = []
    for line in filter(str.strip, text.splitlines()):
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append(Stage())
        if stages:
            stages[-1].steps.append((name, rest.strip()))
    return stages


def is_sent(path: PurePosixPath, ignore: Path) -> bool:
    """Whether ``.dockerignore`` lets a file in: the last rule that names it or a folder above it decides."""
    sent = True
    for rule in ignore.read_text(encoding="utf-8").split("\n"):
        pattern = rule.removeprefix("!").removeprefix("**/")
        if not pattern or pattern.startswith("#"):
            continue
        folders = [path, *path.parents]
        named = any(one.match(pattern) if "**/" in rule else one == PurePosixPath(pattern) for one in folders)
        if named or pattern == "*":
            sent = rule.startswith("!")
    return sent


class BuiltImage:
    """What the Dockerfile makes, in a folder: ``root`` holds what its last stage adds to the base."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.build, self.final = read_stages(path)
        self._copy_sources()
        self._run_steps()
        self._copy_results()

    def _copy_sources(self) -> None:
        workdir = self.build.all("WORKDIR")[-1]
        self._upper = self.folder / "build"
        for rest in self.build.all("COPY"):
            *sources, target = rest.split()
            for source in sources:
                to_folder = target.endswith("/")
                place = f"{target}{PurePosixPath(source).name}" if to_folder else target
                self._copy_sent(source, self._upper / workdir.lstrip("/") / place)

    def _copy_sent(self, source: str, target: Path) -> None:
        found = ROOT / source
        files = [found] if found.is_file() else [path for path in sorted(found.rglob("*")) if path.is_file()]
        for path in files:
            if is_sent(PurePosixPath(path.relative_to(ROOT)), ROOT / ".dockerignore"):
                place = target if path == found else target / path.relative_to(found)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)

    def _run_steps(self) -> None:
        workdir = self.build.all("WORKDIR")[-1]
        script = "\n".join(f"cd {workdir} && {rest}" for rest in self.build.all("RUN"))
        (self._upper / "tmp").mkdir(exist_ok=True)
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        done = subprocess.run(
            [*in_root(self.folder, self._upper, writable=True), "sh", "-euc", script],
            env={**kept, "PATH": BASE_PATH},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def _copy_results(self) -> None:
        for rest in self.final.all("COPY"):
            words = [word for word in rest.split() if not word.startswith("--")]
            source, target = words
            base = self._upper if "--from=build" in rest else ROOT
            place = self.root / target.lstrip("/")
            if (found := base / source.lstrip("/")).is_dir():
                shutil.copytree(found, place, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy(found, place)

    def command(self, *arguments: str, data: Path) -> list[str]:
        """The image's entry point with arguments, or its own: read-only, as its user, ``data`` as its volume.

        It runs in a network namespace of its own, where only itself is.
        """
        user, group = self.final.all("USER")[-1].split(":")
        words = [*self.final.exec_form("ENTRYPOINT"), *(arguments or self.final.exec_form("CMD"))]
        return in_root(self.folder, self.root, data=data) + as_user(user, group) + words


def as_user(user: str, group: str) -> list[str]:
    """The words that give every privilege away."""
    return ["setpriv", "--reuid", user, "--regid", group, "--clear-groups", "--no-new-privs", "--bounding-set=-all"]


def in_root(folder: Path, layer: Path, *, writable: bool = False, data: Path | None = None) -> list[str]:
    """The words that run a command in the base with a layer over it; read-only and without network but for builds."""
    root, work = folder / "mounted", folder / "work"
    root.mkdir(exist_ok=True)
    work.mkdir(exist_ok=True)
    steps = [f"mount -t overlay overlay -o lowerdir=/,upperdir={layer},workdir={work} {root}"]
    steps += [f"mount --rbind /dev {root}/dev", f"mount -t proc proc {root}/proc"]
    if not writable:
        steps.append(f"mount -o remount,ro {root}")
    if data is not None:
        steps += [f"mount --bind {data} {root}/data", "ip link set lo up"]
    steps.append(f'exec chroot {root} "$@"')
    spaces = ["--mount"] if writable else ["--mount", "--net"]
    return ["unshare", *spaces, "sh", "-euc", " && ".join(steps), "sh"]
