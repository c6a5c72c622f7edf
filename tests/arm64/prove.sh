#!/usr/bin/env bash
# Runs in an emulated arm64 root what a Pi would have to run: the installation, the models and an evening by each radar
# module against the answers of this machine, and the tests. README.md beside this file says how to use it.
set -euo pipefail

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd -- "$HERE/../.." && pwd)
BASE=${ARM64_ROOTS:-/var/tmp/firstlight-arm64}
# What touches numpy, numba, the networks and the layout of bytes goes first: if time is short, that was run.
FIRST=(stager intent restager features respiration change_points tinyframe micradar acconeer decode capture displacement
  presence rhythm tracking alarm_laws alarm alarms smart sleep evaluation edf statistics store upgrade replay)

main() {
  local release=$1 root=$BASE/$1 name first=() rest=() have
  shift
  "$HERE/roots.sh" copy "$release"
  "$HERE/roots.sh" run "$release" ./setup.sh venv test
  if [[ ! -f $BASE/evening/acconeer.csv ]]; then
    (cd -- "$ROOT" && PYTHONPATH=. "${PYTHON:-.venv/bin/python}" tests/arm64/same_answers.py make "$BASE/evening")
    (cd -- "$ROOT" && PYTHONPATH=. "${PYTHON:-.venv/bin/python}" tests/arm64/same_answers.py tell "$BASE/evening" "$BASE/here.jsonl")
  fi
  rm -rf -- "$root/evening"
  cp -r -- "$BASE/evening" "$root/evening"
  "$HERE/roots.sh" run "$release" env PYTHONPATH=. .venv/bin/python tests/arm64/same_answers.py tell /evening /evening/there.jsonl
  (cd -- "$ROOT" && PYTHONPATH=. "${PYTHON:-.venv/bin/python}" tests/arm64/same_answers.py compare "$BASE/here.jsonl" "$root/evening/there.jsonl")
  for name in "${FIRST[@]}"; do first+=("tests/test_$name.py"); done
  for have in "$ROOT"/tests/test_*.py "$ROOT"/tests/web/test_*.py; do
    have=${have#"$ROOT/"}
    [[ " ${first[*]} " == *" $have "* ]] || rest+=("$have")
  done
  "$HERE/roots.sh" run "$release" env CI=true .venv/bin/python -m pytest -v -rs "${first[@]}" "${rest[@]}" "$@"
}

(($# > 0)) || {
  echo "usage: tests/arm64/prove.sh RELEASE [PYTEST-ARGUMENT...]" >&2
  exit 64
}
main "$@"
