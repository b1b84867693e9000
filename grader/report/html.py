"""The HTML report: one file, no network, no script.

Everything that a record holds is escaped, twice guarded: Jinja's autoescape is
always on, and every printed text passes `for_terminal` on the way, so that
control characters and characters that reorder a line are seen, not obeyed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from grader.audience import as_seen
from grader.folders import data_directory
from grader.intake.display import for_terminal
from grader.record import Audience, Record
from grader.report.view import page
from grader.report.wording import LIMITS

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MAX_BYTES = 300_000
TEMPLATE = "report.html.j2"


def render_html(record: Record, audience: Audience = "student") -> str:
    """The report of one record; the same record always gives the same text.

    A student's is made of the student's copy, whichever record is given.

    A record with more in it than `MAX_BYTES` hold is shown in less detail.
    """
    record = as_seen(record, audience)
    text = ""
    for limits in LIMITS:
        text = _template().render(page=page(record, limits, audience))
        if len(text.encode("utf-8")) <= MAX_BYTES:
            break
    return text


def preload() -> None:
    """Load the template engine and compile the templates, the included ones too."""
    templates = environment()
    for name in templates.list_templates(filter_func=lambda name: name.startswith("report")):
        templates.get_template(name)


def _template() -> Template:
    return environment().get_template(TEMPLATE)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The template engine of every page: whatever is printed is escaped and made visible."""
    # Imported here: jinja2 takes longer to import than a small report to render.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(data_directory("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _finalize(value: object) -> object:
    # Exactly str: what a macro returns is Markup, and has been through here.
    return for_terminal(value) if type(value) is str else value
