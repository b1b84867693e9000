#!/usr/bin/env bash
# The job's colour, as fail-on says.
set -euo pipefail

if [[ "$GRADE_EXIT" == 0 ]]; then
  exit 0
fi
if [[ "$GRADE_VERDICT" == fault ]]; then
  echo "The grader failed, not the submission. The job is red because of fail-on."
else
  echo "The submission does not pass yet; the job's summary says why."
fi
exit 1
