#!/usr/bin/env bash
# Install the grader of this very checkout of the action into an environment of its own. If that
# fails, the step that grades says so: a fault of the grader, not a red cross on the student's work.
set -uo pipefail

environment="${RUNNER_TEMP}/mojo-grade-venv"
python=$(command -v python3 || command -v python)
if "$python" -m venv "$environment" &&
  PIP_CACHE_DIR="$GRADE_DOWNLOADS" "$environment/bin/python" -m pip install \
    --quiet --disable-pip-version-check "$GITHUB_ACTION_PATH"; then
  "$environment/bin/grade" --version
else
  echo "The grader could not be installed."
  rm -rf "$environment"
fi
