"""The process that a whole program runs in: loads it as a library, and calls its `main`.

A program of its own, like `script.py`; it runs inside of the sandbox and is trusted no further. An
executable would need the C compiler of the machine to link, and many machines have none.

Usage: program.py LIBRARY NAME [ARGUMENTS]
"""

import ctypes
import os
import sys


def main() -> int:
    """The program's exit code, as a shell gets it."""
    # What a linker of the system would have brought in.
    ctypes.CDLL("libm.so.6", mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL | os.RTLD_LAZY)
    words = [os.fsencode(word) for word in sys.argv[2:]]
    code: int = library.main(len(words), (ctypes.c_char_p * (len(words) + 1))(*words, None))
    return code & 0xFF


if __name__ == "__main__":
    # Python's own handler would turn the signal into an exception that nobody sees.
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main())
