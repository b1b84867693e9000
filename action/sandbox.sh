#!/usr/bin/env bash
# Let the sandbox work in the narrowest way. Never fails: what is missing is told, and grading says
# again at which level of isolation it ran.
set -uo pipefail

if [[ -x "$GRADE_COMMAND" ]]; then
  "$GRADE_COMMAND" action sandbox || echo "The sandbox could not be looked at."
fi
