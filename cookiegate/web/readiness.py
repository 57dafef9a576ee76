"""Whether the record can be written now, told within a probe's patience however long the record takes to say so."""

from __future__ import annotations

import threading

from cookiegate.errors import CookiegateError, StorageError
from cookiegate.storage.contract import Storage

#: Below the second that a probe waits by default (Kubernetes' ``timeoutSeconds``).
DEADLINE_S = 0.8


class Readiness:
    """Asks the record, by one thread at a time; who asks meanwhile waits for the same answer.

    Args:
        storage: the record.
        deadline_s: after so many seconds the answer is that it cannot be reached.
    """

    def __init__(self, storage: Storage, deadline_s: float = DEADLINE_S) -> None:
        self._storage = storage
        self._deadline_s = deadline_s
        self._mutex = threading.Lock()
        self._asked: _Question | None = None

    def record(self) -> str:
        """``ok``, or the code of what is wrong."""
        with self._mutex:
            question = self._asked
            if question is None or question.answered.is_set():
                question = self._asked = _Question()
                threading.Thread(target=question.ask, args=(self._storage,), daemon=True).start()
        return question.answer if question.answered.wait(self._deadline_s) else StorageError.code


class _Question:
    """One ``ping`` and its answer."""

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.answer = StorageError.code

    def ask(self, storage: Storage) -> None:
        try:
            storage.ping()
            self.answer = "ok"
        except CookiegateError as error:
            self.answer = error.code
        finally:
            self.answered.set()
