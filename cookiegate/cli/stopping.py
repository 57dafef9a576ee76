"""That a process stops when it should: when it is told to, and when nobody watches it any more."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from io import BufferedReader, UnsupportedOperation
from typing import Self

PARENT_LOOK_S = 0.5
#: Ignored by processes that do not ask for it: it only wakes.
_WAKE = signal.SIGURG


def end_with(parent: int) -> None:
    """Ends this worker soon after its server was killed, so that nobody serves without being watched.

    Args:
        parent: process id of the server. Call it in the worker.
    """

    def watch() -> None:
        alive = threading.Event()
        while os.getppid() == parent:
            alive.wait(PARENT_LOOK_S)
        os.kill(os.getpid(), signal.SIGTERM)

    # A terminal sends Ctrl-C to every process. The server stops its workers: one that goes first looks like a crash.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threading.Thread(target=watch, name="cookiegate-parent", daemon=True).start()


def hear_signals() -> None:
    """Makes the handlers of signals run at once in this process, whichever of its threads a signal meets.

    Python runs them in the main thread alone. Where the kernel hands a signal to a thread that is just running, the
    main thread sleeps on in its lock: a worker would not hear that it is to stop, and be killed with the requests that
    are under way. Call it in the main thread.

    Source: the documentation of Python's ``signal``, "Execution of Python signal handlers", ``set_wakeup_fd``.
    """
    heard, told = socket.socketpair()
    told.setblocking(False)
    signal.signal(_WAKE, lambda number, frame: None)
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    main = threading.get_ident()

    def wake(told: socket.socket) -> None:
        while told.fileno() >= 0 and (numbers := heard.recv(64)):
            if set(numbers) - {_WAKE}:
                signal.pthread_kill(main, _WAKE)

    threading.Thread(target=wake, args=(told,), name="cookiegate-signals", daemon=True).start()


class UntilTold:
    """A stream that is over when this process is told to stop (SIGTERM, Ctrl-C): what was read is carried out.

    Told twice, it raises KeyboardInterrupt: whatever it is at may hang.

    Use it as a context, in the main thread.

    Args:
        stream: a file, a pipe or a terminal.
    """

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream
        self._heard, self._told = socket.socketpair()
        self._told.setblocking(False)
        #: The signal that was heard; 0 for none.
        self.signal = 0

    def __enter__(self) -> Self:
        # Written by the signal itself: a handler of Python's may come too late for the wait that is just beginning.
        self._woken = signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
        taken = (number for number in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(number) != signal.SIG_IGN)
        self._before = {number: signal.signal(number, self._hear) for number in taken}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._woken)
        self._heard.close()
        self._told.close()

    def read1(self, size: int = -1, /) -> bytes:
        """What is there, at most ``size`` bytes; nothing at the end, and once a signal was heard."""
        try:
            places = (self._stream.fileno(), self._heard.fileno())
        except UnsupportedOperation:  # bytes in memory are never waited for
            return self._stream.read1(size)
        while not self.signal:
            if places[0] in select.select(places, [], [])[0]:
                return self._stream.read1(size)
            self._heard.recv(64)  # other signals wake, too
        return b""

    def _hear(self, number: int, _: object) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
