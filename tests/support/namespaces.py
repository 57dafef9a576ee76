"""Network namespaces of Linux, joined by a switch whose cables can be pulled: machines that are one machine."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self, TypeVar

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_NUMBERS = itertools.count()
SUBNET = "10.77.0"


def why_not() -> str | None:
    """Why there can be no namespaces here; None where there can."""
    name = f"cg{os.getpid()}-probe"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"network namespaces are forbidden here: {done.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return None


class Machine:
    """One namespace with its own loopback, a thread that lives in it, and a cable to the switch.

    Whatever is started by ``run`` is started on this machine. ``address`` is its own on the wire.
    """

    def __init__(self, network: Network, name: str, number: int) -> None:
        self.name = f"{network.name}-{name}"
        self.address = f"{SUBNET}.{number}"
        self._network = network
        self._port = f"{network.name}p{number}"
        _ip("netns", "add", self.name)
        _ip(
            "link",
            "add",
            self._port,
            "netns",
            network.switch,
            "type",
            "veth",
            "peer",
            "name",
            "wire",
            "netns",
            self.name,
        )
        _ip("-n", self.name, "link", "set", "lo", "up")
        _ip("-n", self.name, "addr", "add", f"{self.address}/24", "dev", "wire")
        _ip("-n", self.name, "link", "set", "wire", "up")
        _ip("-n", network.switch, "link", "set", self._port, "master", "switch", "up")
        # One thread each, alive as long as the machine: servers that end with their parent end with that thread.
        self._inside = ThreadPoolExecutor(1, thread_name_prefix=self.name, initializer=self._enter)

    def _enter(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{self.name}") as place:  # noqa: PTH123  a descriptor, not a text
            assert libc.setns(place.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    def run(self, work: Callable[..., T], *args: Any, **named: Any) -> T:
        """Does something on this machine."""
        return self._inside.submit(work, *args, **named).result()

    def pull(self) -> None:
        """Pulls the cable at the switch: nothing arrives any more, and nobody is told."""
        _ip("-n", self._network.switch, "link", "set", self._port, "nomaster")

    def plug(self) -> None:
        """Puts it back."""
        _ip("-n", self._network.switch, "link", "set", self._port, "master", "switch")

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Alone inside."""
        self.pull()
        try:
            yield
        finally:
            self.plug()

    def remove(self) -> None:
        """Ends its thread, and with it what ends with that."""
        self._inside.shutdown()
        _ip("netns", "del", self.name)


class Network:
    """A switch and its machines, apart from the network of this machine."""

    def __init__(self) -> None:
        self.name = f"cg{os.getpid() % 100_000}x{next(_NUMBERS)}"
        self.switch = f"{self.name}-switch"
        self._machines: list[Machine] = []

    def __enter__(self) -> Self:
        _ip("netns", "add", self.switch)
        _ip("-n", self.switch, "link", "add", "switch", "type", "bridge")
        _ip("-n", self.switch, "link", "set", "switch", "up")
        return self

    def machine(self, name: str) -> Machine:
        """Another machine."""
        self._machines.append(Machine(self, name, len(self._machines) + 1))
        return self._machines[-1]

    def __exit__(self, *_: object) -> None:
        for machine in self._machines:
            with contextlib.suppress(subprocess.CalledProcessError):
                machine.remove()
        _ip("netns", "del", self.switch)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)
