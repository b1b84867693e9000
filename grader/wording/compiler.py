"""What the compiler's messages mean, where the file itself shows what to write."""

from __future__ import annotations


def registered_as(register: str, op: str, instead: str) -> str:
    """Of an op that is registered under another name than that which the graph asks for."""
    return (
        f'The graph asks for an op of the name "{op}", and this one is "{instead}": write '
        f'{register}("{op}").'
    )


def not_registered(register: str, op: str) -> str:
    """Of a struct that no decorator registers."""
    return f'The graph asks for the op "{op}": {register}("{op}") is missing above this line.'


NO_MESSAGE = (
    "The compiler gives no message for this. Go back to what compiled last, and make one change "
    "after the other until you see which one it is."
)


def mend_at(line: int | None) -> str:
    """What to do about an error that no table knows."""
    where = f"in line {line}" if line else "in the compiler's first message"
    return f"Mend what is named {where} first: later messages often follow from it."
