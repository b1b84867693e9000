#!/usr/bin/env bash
# Grade, and end well whatever the verdict: the step after the upload says how it ended.
set -uo pipefail

# No verdict: a fault of the grader in the student's words.
fault() {
  local red=0
  if [[ ",${GRADE_FAIL_ON// /}," == *,fault,* ]]; then red=1; fi
  echo "::warning title=No mark%3A the grader failed%2C not the submission::$1 No points were taken; run the job again, or tell whoever runs the course."
  printf '## ! No mark\n\nThe grader failed, not the submission: %s No points were taken.\n' "$1" >> "$GITHUB_STEP_SUMMARY"
  {
    echo "verdict=fault"
    echo "score="
    echo "max-score="
    echo "passed="
    echo "report-path="
    # {"version":1,"status":"error","max_score":0,"tests":[]}
    echo "result=eyJ2ZXJzaW9uIjoxLCJzdGF0dXMiOiJlcnJvciIsIm1heF9zY29yZSI6MCwidGVzdHMiOltdfQ=="
    echo "exit=$red"
  } >> "$GITHUB_OUTPUT"
}

export GRADE_OUT="${RUNNER_TEMP}/mojo-grade-report"
if [[ ! -x "$GRADE_COMMAND" ]]; then
  fault "It could not be installed."
else
  "$GRADE_COMMAND" action grade
  code=$?
  if [[ $code -eq 2 ]]; then
    fault "The workflow gives it an input that it does not know; the log says which."
  elif [[ $code -ne 0 ]]; then
    fault "It ended with exit code $code."
  fi
fi
# Several files can be graded in one job; an artifact's name may hold few signs.
name=${GRADE_PATH//[^A-Za-z0-9_.-]/_}
echo "artifact=grade-report-${name:0:100}" >> "$GITHUB_OUTPUT"
