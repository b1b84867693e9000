"""The book that the puzzles come from: what of its files is known, as digests, and how it is made.

Students work in a clone of the book. To tell their work from what the book ships, the grader
knows the digest of each of its Mojo files in every version, and of the code that it gives; never
their text. ``grade puzzles fingerprint CLONE`` makes these data from a clone.
"""

from __future__ import annotations

from grader.book.shipped import Book, FilePlace, Layout, find_book, read_book

__all__ = ["Book", "FilePlace", "Layout", "find_book", "read_book"]
