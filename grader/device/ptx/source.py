"""Where in the source code an instruction comes from: ``.loc`` with its inlined calls.

``.loc 4 2158 10, function_name $f, inlined_at 1 39 27`` says that the code that follows is line
2158 of file 4, in a function that was inlined where line 39 of file 1 calls it. Where that call was
itself inlined, an earlier ``.loc`` of this function says it (PTX ISA, ".loc"). But it says so of a
place, not of a call: a library function that is inlined at two lines has two such ``.loc`` for one
place, and the text does not tell which of them is meant. Then only what both have in common is
known, and nothing else is said.
"""

from __future__ import annotations

from grader.device.ptx.model import Location

_MOST_STEPS = 128
"""Places looked at for one ``.loc``. Real code needs some ten of them."""
_MOST_KEPT = 32
"""Places kept of one instruction."""

Chain = tuple[Location, ...]
"""From the inside outwards: the place, where it was inlined, where that was inlined, ..."""


class SourcePlaces:
    """The ``.loc`` directives of one function so far."""

    def __init__(self) -> None:
        self._callers: dict[Location, dict[Location | None, None]] = {}
        self._known: dict[Location, Chain] = {}

    def add(self, place: Location, caller: Location | None) -> Chain:
        """Take a directive; the chain of the instructions behind it, as far as it is certain.

        Args:
            place: What it names.
            caller: Its ``inlined_at``.
        """
        callers = self._callers.setdefault(place, {})
        if caller not in callers:
            callers[caller] = None
            self._known.clear()
        chain = (place,) if caller is None else (place, *self._outwards(caller))
        # Line 0 is what a compiler writes where there is no line.
        return tuple(each for each in chain if each.line > 0)[:_MOST_KEPT]

    def _outwards(self, place: Location) -> Chain:
        found = self._known.get(place)
        if found is None:
            chains: list[Chain] = []
            whole = self._follow(place, (), [_MOST_STEPS], chains)
            found = self._known[place] = _in_common(chains, whole=whole)
        return found

    def _follow(
        self, place: Location, before: Chain, steps: list[int], chains: list[Chain]
    ) -> bool:
        """Add all chains that go on with ``place``; whether each comes to an end."""
        chain = (*before, place)
        steps[0] -= 1
        if steps[0] < 0 or place in before:
            chains.append(chain)
            return False
        whole = True
        for caller in self._callers.get(place, ()):
            if caller is None:
                chains.append(chain)
            else:
                whole &= self._follow(caller, chain, steps, chains)
        if place not in self._callers:
            chains.append(chain)
            return False
        return whole


def _in_common(chains: list[Chain], *, whole: bool) -> Chain:
    """What all chains begin with and, where each of them is whole, what all end with."""
    shortest = min(len(chain) for chain in chains)
    begin = next((i for i in range(shortest) if len({chain[i] for chain in chains}) > 1), shortest)
    if not whole or len(chains) == 1:
        return chains[0][:begin]
    end: list[Location] = []
    for back in range(1, shortest - begin + 1):
        places = {chain[-back] for chain in chains}
        lines = {(each.file, each.line) for each in places}
        if len(lines) > 1:
            break
        same = next(iter(places)) if len(places) == 1 else None
        end.append(same or Location(*next(iter(lines)), 0))
    return (*chains[0][:begin], *reversed(end))
