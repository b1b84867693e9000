"""Reading PTX, the text that kernels arrive as (PTX ISA, "Syntax" and "Directives").

``parse(text) -> PtxModule``; anything wrong with the text is a `PtxError`.
"""

from __future__ import annotations

from grader.device.ptx.body import read_body
from grader.device.ptx.declarations import parameters, variables
from grader.device.ptx.model import PtxError, PtxFunction, PtxModule, StateSpace
from grader.device.ptx.tokens import PtxTokens
from grader.errors import UnsupportedByDevice

__all__ = ["PtxError", "PtxFunction", "PtxModule", "parse"]

_LONGEST_FILE = 1024
"""Characters of a file's name, which each finding in it repeats."""
_LINKAGE = (".visible", ".extern", ".weak", ".common")
_SPACES = {f".{space.value}": space for space in StateSpace if space is not StateSpace.LOCAL}
_COUNTS = (
    ".maxntid",
    ".reqntid",
    ".minnctapersm",
    ".maxnctapersm",
    ".maxnreg",
    ".reqnctapercluster",
    ".maxclusterrank",
)
_FLAGS = (".noreturn", ".explicitcluster", ".blocksareclusters", ".unique")


def parse(text: str) -> PtxModule:
    """Read a PTX text.

    Debug sections and performance hints are skipped. Instructions are not looked
    up here: a module may hold kernels that nobody launches.

    Raises:
        PtxError: The text is not sound PTX; the error names the line.
        UnsupportedByDevice: It declares something that the device lacks.
    """
    tokens = PtxTokens(text.rstrip("\0"))
    module = PtxModule()
    while not tokens.at_end():
        _top_level(tokens, module)
    if not module.version:
        raise PtxError("there is no .version line", 1)
    return module


def _top_level(tokens: PtxTokens, module: PtxModule) -> None:
    line, word = tokens.line, tokens.peek()
    if word == ";":
        tokens.next()
    elif word == ".version":
        tokens.next()
        module.version = tokens.next()
    elif word == ".target":
        tokens.next()
        module.target = tokens.next()
        while tokens.take(","):
            tokens.next()
    elif word == ".address_size":
        tokens.next()
        if tokens.integer() != 64:
            raise PtxError("only 64-bit addresses are supported", line)
    elif word == ".file":
        _file(tokens, module)
    elif word == ".section":
        tokens.next()
        while tokens.peek() != "{":
            tokens.next()
        tokens.skip_block()
    elif word in (".pragma", ".alias"):
        while tokens.next() != ";":
            pass
    elif word == ".loc":
        tokens.next()
        tokens.skip_line()
    else:
        _declaration(tokens, module)


def _file(tokens: PtxTokens, module: PtxModule) -> None:
    tokens.next()
    line, number = tokens.line, tokens.integer()
    if tokens.kind() != "string":
        raise PtxError("a file name expected", line)
    name = tokens.next()[1:-1]
    if len(name) <= _LONGEST_FILE:
        module.files[number] = name
    while tokens.take(","):
        tokens.integer()


def _declaration(tokens: PtxTokens, module: PtxModule) -> None:
    external = False
    line = tokens.line
    while tokens.peek() in _LINKAGE:
        external |= tokens.next() == ".extern"
    word = tokens.next()
    if word in (".entry", ".func"):
        _function(tokens, module, line, is_entry=word == ".entry")
    elif word in _SPACES:
        for variable in variables(tokens, _SPACES[word], external=external):
            if variable.name in module.variables and not external:
                raise PtxError(f"{variable.name} is declared twice", line)
            module.variables[variable.name] = variable
    else:
        raise PtxError(f"unknown directive {word[:60]!r}", line)


def _function(tokens: PtxTokens, module: PtxModule, line: int, *, is_entry: bool) -> None:
    while tokens.peek() in _FLAGS:
        tokens.next()
    returns = parameters(tokens) if tokens.peek() == "(" else ()
    name = tokens.name()
    params = parameters(tokens) if tokens.peek() == "(" else ()
    function = PtxFunction(name, is_entry, params, returns, line)
    _hints(tokens, function)
    if tokens.take(";"):
        module.functions.setdefault(name, function)
        return
    before = module.functions.get(name)
    if before is not None and before.defined:
        raise PtxError(f"function {name} is defined twice", line)
    read_body(tokens, function)
    module.functions[name] = function


def _hints(tokens: PtxTokens, function: PtxFunction) -> None:
    """Performance and launch directives between a function's head and its body."""
    while tokens.kind() == "directive":
        line, word = tokens.line, tokens.next()
        if word in _FLAGS:
            function.explicit_cluster |= word == ".explicitcluster"
            if word == ".blocksareclusters":
                raise UnsupportedByDevice(f"PTX line {line}: grids of clusters ({word})")
            continue
        if word == ".pragma":
            while tokens.next() != ";":
                pass
            continue
        if word not in _COUNTS:
            raise PtxError(f"unknown directive {word[:60]!r}", line)
        counts = [tokens.integer()]
        while tokens.take(","):
            counts.append(tokens.integer())
        x, y, z = (*counts, 1, 1, 1)[:3]
        if word == ".maxntid":
            function.max_threads = (x, y, z)
        elif word == ".reqntid":
            function.required_threads = (x, y, z)
        elif word == ".reqnctapercluster":
            function.required_cluster = (x, y, z)
        elif word == ".maxclusterrank":
            function.most_cluster = x
