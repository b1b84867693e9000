"""What runs on the inside of a sandbox before the command does.

These files are handed, as a directory, to the interpreter of the *toolchain*
(``python -I -S inside CONFIG_FD``), so they use the standard library only and
keep to the syntax of Python 3.9. They import each other as top-level modules.
"""
