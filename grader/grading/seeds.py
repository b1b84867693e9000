"""Where randomness comes from: reproducible for the grader, unpredictable for a submission.

The seed of a run is, unless one is given, an HMAC of the puzzle and the
submission under a secret that no worker ever sees. The record holds the seed,
so an instructor can replay a run; a student who knows the rules can't work out
which cases will come.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.folders import user_folder

if TYPE_CHECKING:
    import numpy as np

SECRET_VARIABLE = "GRADE_SECRET"
SECRET_FILE_VARIABLE = "GRADE_SECRET_FILE"
_MINIMUM = 16


def secret() -> bytes:
    """The secret: from a variable, from the file that a variable names, or made once per user.

    Raises:
        UsageError: the variable or file is there but too short or unreadable.
    """
    if text := os.environ.get(SECRET_VARIABLE):
        return _checked(text.encode(), SECRET_VARIABLE)
    if name := os.environ.get(SECRET_FILE_VARIABLE):
        try:
            return _checked(Path(name).read_bytes().strip(), name)
        except OSError as error:
            raise UsageError(
                f"the secret can't be read: {name}: {error.strerror}",
                remedy=f"Make it readable, or unset {SECRET_FILE_VARIABLE}.",
            ) from error
    return _own()


def _checked(value: bytes, place: str) -> bytes:
    if len(value) < _MINIMUM:
        raise UsageError(
            f"the secret in {place} has {len(value)} bytes; at least {_MINIMUM} are needed",
            remedy="Make one with: python -c 'import secrets; print(secrets.token_hex(32))'",
        )
    return value


def _own() -> bytes:
    """A secret of this user's, made on first use; a new one for each run if none can be kept."""
    folder = user_folder("config")
    if folder is None:
        return secrets.token_bytes(32)
    path = folder / "secret"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _kept(path)
    except OSError:
        return secrets.token_bytes(32)
    fresh = secrets.token_bytes(32)
    # A disk that is full keeps none of it, and the next run makes another one.
    with contextlib.suppress(OSError), os.fdopen(descriptor, "wb") as file:
        file.write(fresh)
    return fresh


def _kept(path: Path) -> bytes:
    """What an earlier run has kept; another user's can't be read, half of one is none."""
    kept = b""
    with contextlib.suppress(OSError):
        kept = path.read_bytes()
    return kept if len(kept) >= _MINIMUM else secrets.token_bytes(32)


def derive(*, key: bytes, puzzle: str, submission_sha256: str) -> str:
    """The seed of a run, as 32 hexadecimal digits."""
    message = f"{puzzle}\0{submission_sha256}".encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:32]


def number(seed: str, purpose: str) -> int:
    """An independent 64-bit number for each purpose within a run."""
    digest = hashlib.sha256(f"{seed}\0{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def generator(seed: str, purpose: str) -> np.random.Generator:
    """A NumPy generator for one purpose within a run."""
    import numpy as np

    return np.random.default_rng(number(seed, purpose))
