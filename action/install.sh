#!/usr/bin/env bash
# Install the grader of this very checkout of the action into an environment of its own. If that
# fails, the step that grades says so: a fault of the grader, not a red cross on the student's work.
set -uo pipefail

environment="${RUNNER_TEMP}/mojo-grade-venv"
python=$(command -v python3 || command -v python)

install() {
  local pip=("$environment/bin/python" -m pip --disable-pip-version-check)
  "$python" -m venv "$environment" || return
  # The wheels, the toolchain's among them, are what the cache keeps.
  if [[ ! -f "$GRADE_DOWNLOADS/complete" ]]; then
    rm -rf "$GRADE_DOWNLOADS"
    "${pip[@]}" wheel --quiet --wheel-dir "$GRADE_DOWNLOADS" "$GITHUB_ACTION_PATH" || return
    touch "$GRADE_DOWNLOADS/complete"
  fi
  "${pip[@]}" install --quiet --no-index --find-links "$GRADE_DOWNLOADS" mojo-grade
}

if install; then
  "$environment/bin/grade" --version
else
  echo "The grader could not be installed."
  # Half of it must neither be run nor kept.
  rm -rf "$environment" "$GRADE_DOWNLOADS"
fi
