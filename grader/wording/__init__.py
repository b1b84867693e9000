"""Every sentence about a finding, a problem, a check or a verdict: where enums become words.

`findings` has what the device saw, `cases` what is wrong with a case, `checks` how a check ended,
`verdicts` what a run comes to, and what to do next, `compiler` what to do about its messages where
the file itself shows it (most of that is data: ``grader/toolchain/messages.toml``), `diagnoses`
what an instructor reads over a class. Who reads decides the form. A *phrase* stands within a
student's sentence, a *title* at the head of a section, an *explanation* says what it means and what
to do, a *diagnosis* tells an instructor. `tests/test_wording.py` asks that every kind has each of
them.
"""
