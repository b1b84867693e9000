"""The dashboard: one HTML file that opens from disk and needs no network.

All of it can be read without script; the script only sorts and filters the
class table. The page's policy allows this one script by its digest and nothing
else, so no text of a submission could ever run.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

from markupsafe import Markup

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs.clusters import Cluster
from grader.batch.outputs.similarity import Overview
from grader.batch.outputs.view import dashboard
from grader.report.html import environment
from grader.resources import data_directory

TEMPLATE = "class.html.j2"
SCRIPT = "class.js"


SIMILAR = 6
"""Pairs that the dashboard names; all are on the page of their own."""


def render_dashboard(
    info: RunInfo,
    results: Sequence[StudentResult],
    similar: Overview | None = None,
    found: Sequence[Cluster] | None = None,
) -> str:
    """The page; the same results always give the same text.

    Args:
        info: The run.
        results: Everybody, in the order of the table.
        similar: What the comparison of the programs found.
        found: The clusters of the class, where they are known already; see `dashboard`.
    """
    script, digest = _script()
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            page=dashboard(info, results, found),
            similar=similar,
            similar_pairs=similar.pairs[:SIMILAR] if similar else (),
            script=script,
            script_digest=digest,
        )
    )


@lru_cache(maxsize=1)
def _script() -> tuple[Markup, str]:
    """The script as it stands between its tags, and the digest that the policy allows."""
    source = (data_directory("templates") / SCRIPT).read_text(encoding="utf-8")
    digest = b64encode(sha256(source.encode("utf-8")).digest()).decode("ascii")
    # Our own file is the one text of the page that is not escaped.
    return Markup(source), f"sha256-{digest}"  # noqa: S704
