#!/usr/bin/env bash
# Which grader this runner has, and where pip keeps its downloads. A self-hosted runner that has
# the grader installed names its command in MOJO_GRADE, and nothing is downloaded then.
set -euo pipefail

command=${MOJO_GRADE:-}
if [[ -n "$command" && ! -x "$command" ]]; then
  echo "::notice title=MOJO_GRADE::$command can't be run; the grader is installed instead."
  command=
fi

python=$(command -v python3 || command -v python || true)
downloads="${RUNNER_TEMP}/mojo-grade-downloads"
mkdir -p "$downloads"
version=$("${python:-python3}" -c 'import platform; print(platform.python_version(), platform.machine(), sep="-")' || echo none)
hash=$(sha256sum "${GITHUB_ACTION_PATH}/pyproject.toml" | cut -c 1-16)
{
  echo "installed=$command"
  echo "downloads=$downloads"
  echo "key=mojo-grade-${RUNNER_OS:-Linux}-$version-$hash"
} >> "$GITHUB_OUTPUT"
{
  echo "GRADE_COMMAND=${command:-${RUNNER_TEMP}/mojo-grade-venv/bin/grade}"
  echo "GRADE_DOWNLOADS=$downloads"
} >> "$GITHUB_ENV"
