"""Programs to compare."""

from __future__ import annotations

from hypothesis import strategies as st

from grader.batch.similarity.features import Skeleton, skeleton

GIVEN = '''\
"""The kernel is given."""
from std.gpu import thread_idx

def kernel(output: Tensor, input: Tensor, n: Int):
    # Every thread computes one output.
    var i = thread_idx.x
    if i < n:
        output[i] = input[i] + input[i + 1] * 2
'''
SKELETON: Skeleton = skeleton([GIVEN])
LAUNCH = "    ctx.enqueue_function[kernel](output, input, n, grid_dim=1, block_dim=15)\n"
OWN = """\
def helper(first: Int, second: Int) -> Int:
    # carefully rounds to the next multiple
    var total = first * 17 + second // 3
    while total % 4 != 0:
        total += first - second
    return total
"""

words = st.sampled_from(
    ["a", "b", "total", "thread_idx", "=", "+", "(", ")", "[", "]", "if", "for", "0", "15", "."]
)
programs = st.one_of(
    st.text(max_size=60),
    st.lists(words, max_size=60).map(" ".join),
    st.lists(
        st.sampled_from([GIVEN, LAUNCH, OWN, "# note\n", '"""', "'", "\\", "\x00", "`"]), max_size=5
    ).map("".join),
)


def renamed(text: str) -> str:
    """The same program with other names."""
    for old, new in (("helper", "fn_x"), ("first", "p"), ("second", "q"), ("total", "acc")):
        text = text.replace(old, new)
    return text
