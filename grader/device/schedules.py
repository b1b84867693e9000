"""The orders in which the blocks and threads of a launch may run, each a number.

A GPU runs blocks in any order, and the threads of a block in any order between barriers. One
order shows one behaviour of a kernel; others show whether it depends on the order. A schedule is
a number, so that a case can be run again:

* 0: all threads side by side;
* 1: the blocks one after the other, the first one first;
* 2: the blocks one after the other, the last one first, and within a block the threads in
  reverse;
* any other: at random, with the number as the seed.

With `FIRST_AHEAD` added, the first block runs ahead of all others, as it may on a GPU, which starts
blocks in the order of their numbers.

`grader.device.simt.scheduler` carries them out.
"""

from __future__ import annotations

from typing import Final

PLAIN: Final = 0
IN_TURN: Final = 1
REVERSED: Final = 2
FIRST_RANDOM: Final = 3
MOST: Final = 1 << 32
"""Schedules are numbers below this one."""
FIRST_AHEAD: Final = MOST
"""Added to a schedule: the first block runs alone until it has ended, waits, or has run for long;
then the others begin."""


def in_words(number: int) -> str:
    """A schedule for a reader, as in "with all threads side by side"."""
    known = {
        PLAIN: "all threads side by side",
        IN_TURN: "one block after the other",
        REVERSED: "the last block and thread first",
    }
    return known.get(number) or f"in random order {number}"
