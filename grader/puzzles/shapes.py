"""Shapes of answers that several puzzles share: the last hint for a mistake.

A shape says where something stands and in which order; what the task asks for is left out as
``...``. Names stand for the student's own.
"""

from __future__ import annotations

from typing import Final

OWN_ELEMENT: Final = """\
if ...:                # the thread has an element, also the last
    output[...] = ...  # an index that no other thread has"""
"""Each thread, or each block, writes an element of its own."""
READ_THEN_WRITE: Final = """\
value = a[...]         # the thread's own element, not its index
output[...] = ...      # made of value, and stored once"""
GUARDED: Final = """\
if ...:                # for each index that has an element, for no other
    output[i] = ...    # whatever the size is"""
TWO_AXES: Final = """\
row = ...              # counts along y
col = ...              # counts along x
if ...:                # both lie inside of the matrix
    output[row, col] = ...   # of what belongs to the same row and column"""
BLOCKS: Final = """\
i = ...                # elements of the blocks before, then the own number
if ...:                # about i, not about the block
    output[i] = ..."""
BLOCKS_OF_TWO_AXES: Final = """\
row = ...              # rows of all blocks above, and the thread's own y
col = ...              # columns of all blocks to the left, and its own x
if ...:                # both lie inside of the matrix
    output[row, col] = ..."""
REDUCTION: Final = """\
stride = threads // 2
while stride > 0:
    if local_i < stride:
        ...            # add the cell that lies stride further on
    barrier()          # outside of the if
    stride //= 2"""
"""The shape of a sum by halves."""
A_CELL_EACH: Final = """\
shared[local_i] = ...  # a cell for each thread; 0 where it has no element
barrier()
...                    # then the cells are added up"""
"""What has to be there before it."""
WINDOW: Final = """\
for j in range(...):   # every tap, from 0 on
    if ...:            # past the end the window is shorter
        total += ...   # the element j further on, times tap j"""
"""A window that looks ahead."""
HALO: Final = """\
shared[local_i] = ...  # the tile: an element for each thread
if ...:                # as many threads as the window is longer than one
    shared[TPB + ...] = ...   # what lies behind the tile; else 0
barrier()"""
"""A tile with what its last windows need of the next one."""
