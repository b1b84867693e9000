"""A step that is begun before its turn, in a thread, unless it turns out not to be needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """Begins ``step`` after a while, or when it is asked for, whichever comes first.

    Args:
        step: What to do. It runs once, or never.
        after: Seconds to wait, because the step may turn out not to be needed;
            None: only when it is asked for.
    """

    def __init__(self, step: Callable[[], T], *, after: float | None) -> None:
        self._step = step
        self._after = after
        self._due = threading.Event()
        self._dropped = False
        self._answer: list[T] = []
        self._error: BaseException | None = None
        # Not join(): interrupted by Ctrl-C, that takes the thread for ended from then on
        # (CPython 3.11 and 3.12, threading.Thread._wait_for_tstate_lock).
        self._over = threading.Event()
        threading.Thread(target=self._run, name="ahead", daemon=True).start()

    def begin(self) -> None:
        """Now, and not later; nobody waits for it."""
        self._due.set()

    def result(self) -> T:
        """What the step returned; raises what it raised."""
        self._due.set()
        self._over.wait()
        if self._error is not None:
            raise self._error
        return self._answer[0]

    def within(self, seconds: float) -> T | None:
        """As `result`; None where it is not there after so many seconds."""
        self._due.set()
        return self.result() if self._over.wait(seconds) else None

    def drop(self, dispose: Callable[[T], None]) -> None:
        """It is not needed, or no longer: does not begin it, or disposes of what it returned."""
        self._dropped = True
        self._due.set()
        self._over.wait()
        while self._answer:
            dispose(self._answer.pop())

    def _run(self) -> None:
        self._due.wait(self._after)
        try:
            if not self._dropped:
                self._answer.append(self._step())
        except BaseException as error:  # raised again where the result is asked for
            self._error = error
        finally:
            self._over.set()
