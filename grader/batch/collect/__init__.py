"""A folder or a ZIP archive that was handed over becomes students with attempts.

::

    with collect(source, roster=read_roster(path).students, puzzle=name) as collection:
        for attempt in collection.attempts:
            attempt.load()          # the intake's checks; may raise SubmissionRefused

Understood are a folder of files, a folder with a folder for each student
(GitHub Classroom's clones), and the downloads of Canvas and Moodle, packed or not.
"""

from __future__ import annotations

from grader.batch.collect.collection import Collected, Collection, collect
from grader.batch.collect.roster import Roster, RosterStudent, read_roster

__all__ = ["Collected", "Collection", "Roster", "RosterStudent", "collect", "read_roster"]
