#!/usr/bin/env bash
# Which grader this runner has, and where its wheels are kept. A self-hosted runner that has the
# grader installed names its command in MOJO_GRADE, and nothing is downloaded then.
set -euo pipefail

command=${MOJO_GRADE:-}
if [[ -n "$command" && ! -x "$command" ]]; then
  echo "::notice title=MOJO_GRADE::$command can't be run; the grader is installed instead."
  command=
fi

downloads="${RUNNER_TEMP}/mojo-grade-wheels"
python=$(command -v python3 || command -v python || true)
version=$("${python:-python3}" -c 'import platform as p; print(p.python_version(), p.machine(), sep="-")' || echo none)
# Of everything that ends in the grader's wheel: a cache must never hold another version of it.
hash=$(
  cd "$GITHUB_ACTION_PATH"
  find grader templates reference_kernels pyproject.toml hatch_build.py -type f \
    ! -path '*/__pycache__/*' ! -path 'grader/device/lib/*' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-32
)
{
  echo "installed=$command"
  echo "downloads=$downloads"
  echo "key=mojo-grade-${RUNNER_OS:-Linux}-$version-$hash"
} >> "$GITHUB_OUTPUT"
{
  echo "GRADE_COMMAND=${command:-${RUNNER_TEMP}/mojo-grade-venv/bin/grade}"
  echo "GRADE_DOWNLOADS=$downloads"
} >> "$GITHUB_ENV"
