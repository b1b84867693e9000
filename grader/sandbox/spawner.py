"""The thread that starts sandboxes.

bubblewrap (``--die-with-parent``) and the launcher ask the kernel to end them
with their parent, and to the kernel the parent is the *thread* that started
them. A thread of a pool may end long before the grader does, so all starts go
through one thread that lives as long as the process.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

_lock = threading.Lock()
_executor: ThreadPoolExecutor | None = None


def start(words: Sequence[str], *, executable: str, fds: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start ``executable`` with the argument vector ``words``, no environment and only ``fds``.

    Both outputs are pipes; it has a session of its own. Raises OSError.
    """
    global _executor  # noqa: PLW0603 - one thread for the whole process
    with _lock:
        if _executor is None:
            _executor = ThreadPoolExecutor(1, thread_name_prefix="sandbox-spawn")
        executor = _executor
    return executor.submit(
        subprocess.Popen,
        words,
        executable=executable,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
        cwd="/",
        pass_fds=fds,
        start_new_session=True,
        bufsize=0,
    ).result()


def _forget() -> None:
    # A forked child has no such thread, whatever the executor believes.
    global _executor, _lock
    _executor, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget)
