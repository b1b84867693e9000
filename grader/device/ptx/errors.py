"""What the reader of PTX raises."""

from __future__ import annotations

from grader.errors import DeviceFault


class PtxError(DeviceFault):
    """The text is not PTX that we can read.

    Args:
        what: What is wrong, without the place.
        line: Line in the PTX text, from 1; 0 where no single line is to blame.
    """

    def __init__(self, what: str, line: int = 0) -> None:
        place = f"PTX line {line}: " if line else "PTX: "
        super().__init__(
            place + what,
            remedy="The kernel was compiled to something the software device can't read; "
            "report it together with the kernel.",
        )
        self.line = line
