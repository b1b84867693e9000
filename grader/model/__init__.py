"""What a puzzle is made of, and what is known of a case: the words that the other folders speak.

`puzzle` has the puzzle with its parts, `domains` the values that inputs may have, `expected` the
right answer with its bound, `cases` a case from its inputs to what was observed of it, `checks`
what is asked of a submission. Nothing here knows MAX, a process or a lane.
"""
