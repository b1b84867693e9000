"""``grade run``: any Mojo GPU program, built and run, with what the device saw at its lines.

It judges nothing: there is no puzzle, no record and no mark. `running.run` makes a `RunDocument`;
`text` and `page` show it.
"""
