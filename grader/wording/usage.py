"""What kernels cost, where that is limited or worth a word."""

from __future__ import annotations

from grader.record import Uncounted, UsageLimit
from grader.wording.cases import Data

LIMITS: dict[UsageLimit, str] = {
    UsageLimit.SECTORS: "sectors of global memory, times the least",
    UsageLimit.WAVEFRONTS: "wavefronts of shared memory, times the least",
    UsageLimit.READS: "loads of each input element",
    UsageLimit.WRITES: "stores of each output element",
    UsageLimit.BARRIERS: "barriers of a warp",
    UsageLimit.DIVERGED: "divided branches of a warp",
    UsageLimit.SHARED: "requests of a warp to shared memory",
    UsageLimit.SHUFFLES: "shuffles and votes of a warp",
    UsageLimit.ATOMICS: "atomics of a warp",
    UsageLimit.INSTRUCTIONS: "instructions of a warp",
}
"""What is limited, in a few words behind a number."""
_OVER: dict[UsageLimit, str] = {
    UsageLimit.SECTORS: "{where}each {access} takes {takes} sectors of global memory, where "
    "{least} would do: {measured} times the least, and at most {most} times is asked for",
    UsageLimit.WAVEFRONTS: "{where}each {access} takes {takes} wavefronts of shared memory, where "
    "{least} would do: {measured} times the least, and at most {most} times is asked for",
    UsageLimit.READS: "each element of the inputs is loaded {measured} times from global memory, "
    "and at most {most} is asked for{mostly}",
    UsageLimit.WRITES: "each element of the outputs is stored {measured} times to global memory, "
    "and at most {most} is asked for{mostly}",
    UsageLimit.BARRIERS: "each warp comes to {measured} barriers, and at most {most} is asked "
    "for{mostly}",
    UsageLimit.DIVERGED: "threads of a warp go different ways at {measured} branches, and at most "
    "{most} is asked for{mostly}",
    UsageLimit.SHARED: "each warp makes {measured} requests to shared memory, and at most {most} "
    "is asked for{mostly}",
    UsageLimit.SHUFFLES: "each warp executes {measured} shuffles or votes, and at most {most} is "
    "asked for{mostly}",
    UsageLimit.ATOMICS: "each warp executes {measured} atomics, and at most {most} is asked "
    "for{mostly}",
    UsageLimit.INSTRUCTIONS: "each warp executes {measured} instructions, and at most {most} is "
    "asked for{mostly}",
}
USAGE_STEPS: dict[UsageLimit, str] = {
    UsageLimit.SECTORS: "Neighbouring threads should access neighbouring elements: let "
    "thread_idx.x count along the last dimension of the array.",
    UsageLimit.WAVEFRONTS: "Threads of a warp want different words of one bank. Element i of 4 "
    "bytes lies in bank i modulo 32: which elements does one warp want at this line? A row that is "
    "longer by one element moves each row to other banks.",
    UsageLimit.READS: "Where several threads need an element, one of them can load it into shared "
    "memory, and all read it there behind a barrier. What one thread needs twice it can keep in a "
    "variable.",
    UsageLimit.WRITES: "Keep what is not final in a variable or in shared memory, and store each "
    "output once.",
    UsageLimit.BARRIERS: "A barrier is needed only between a write and another thread's use of "
    "what was written. Which of these orders nothing?",
    UsageLimit.DIVERGED: "A condition that is the same for 32 threads in a row divides no warp. "
    "Which one differs between neighbours?",
    UsageLimit.SHARED: "What one thread reads again and again it can keep in a variable; within a "
    "warp a shuffle hands values on.",
    UsageLimit.SHUFFLES: "To combine 32 values takes 5 exchanges, each over half the distance of "
    "the one before.",
    UsageLimit.ATOMICS: "Combine what a warp or a block has first; then one thread does one atomic "
    "for all of them.",
    UsageLimit.INSTRUCTIONS: "What is the same in each round of a loop can be computed before it.",
}
"""What to think about, or to do."""
UNCOUNTED: dict[Uncounted, str] = {
    Uncounted.NO_SIZE: "no size of the part is tried each time",
    Uncounted.NOT_RIGHT: "the case in which it is counted, the last one, was not right",
    Uncounted.TOO_MUCH: "there are more launches or instructions than the device counts",
    Uncounted.FAULT: "the device did not get to the end of the case in which it is counted",
}


def over_limit(data: Data) -> str:
    """Which limit is exceeded, where, and by how much."""
    line, kernel = data.get("line"), data.get("kernel")
    place = f"line {line}" if line else str(kernel)
    words = {name: str(value) for name, value in data.items()}
    words["where"] = f"at {place} " if line else f"in {place} "
    words["mostly"] = f"; most of it at {place}" if line else f"; most of it in {place}"
    told = _OVER[UsageLimit(words["limit"])].format_map(words)
    others = [LIMITS[UsageLimit(each)] for each in words.get("others", "").split(", ") if each]
    also = f". Too many as well: {'; '.join(others)}" if others else ""
    return f"{told} (counted at {words['at']}){also}"


def within_limits(data: Data) -> str:
    """What was counted, beside what is asked for."""
    told = [
        f"{data[limit.value]} {LIMITS[limit]} (at most {data[f'most-{limit.value}']})"
        for limit in UsageLimit
        if limit.value in data
    ]
    return f"counted at {data['at']}: {'; '.join(told)}"


def limit_in_short(data: Data) -> str:
    """Which limit is exceeded, where the rest is told elsewhere."""
    return f"{data['measured']} {LIMITS[UsageLimit(str(data['limit']))]} (at most {data['most']})"


def cant_be_counted(data: Data) -> str:
    """That it is not known what kernels cost."""
    return f"what the kernels cost can't be counted: {UNCOUNTED[Uncounted(str(data['why']))]}"
