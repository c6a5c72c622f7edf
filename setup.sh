#!/usr/bin/env bash
# Firstlight from a clone.  Everything but "install" stays in this folder's .venv: nothing of the system is changed, and
# what pip fetches comes from wherever pip is configured to look.
set -euo pipefail

ROOT=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
VENV=$ROOT/.venv

usage() {
  cat <<'USAGE'
usage: ./setup.sh COMMAND

  demo [--speed X]    the whole box on a simulated night; the page is at http://127.0.0.1:8080
  test [ARGUMENT...]  the tests; arguments go to pytest
  venv [test|train]   only make or refresh .venv (with what the tests or the training need)
  install [--dry-run] [--yes] [--network | --no-network]
                      onto this Pi, or a newer version over an older one: says what it does, then does it
  uninstall [--dry-run] [--yes] [--delete-data]

PYTHON=python3.12 ./setup.sh ... chooses the Python.
USAGE
}

die() {
  printf 'setup.sh: %s\n' "$*" >&2
  exit 1
}

# "3.11 64": version and width of a Python; nothing when it does not run.
describe_python() {
  "$1" -c 'import struct, sys; print("%d.%d" % sys.version_info[:2], 8 * struct.calcsize("P"))' 2>/dev/null || true
}

is_supported() {
  [[ $(describe_python "$1") =~ ^3\.1[123]\ 64$ ]]
}

on_raspberry_pi() {
  grep -qa 'Raspberry Pi' /proc/device-tree/model 2>/dev/null
}

refuse_32_bit_kernel() {
  case $(uname -m) in
    armv* | i?86)
      die "this system is 32-bit ($(uname -m)) and Firstlight needs 64: write the 64-bit Raspberry Pi OS or Debian to the card" ;;
  esac
}

refuse_python() {
  local python=$1 version bits
  read -r version bits <<<"$(describe_python "$python")"
  if [[ -z $version ]]; then
    die "$python does not run: install Python 3.11, 3.12 or 3.13, or name one with PYTHON=/path/to/python"
  elif [[ $bits != 64 ]]; then
    die "$python is a $bits-bit program and Firstlight needs 64: write the 64-bit Raspberry Pi OS or Debian to the card"
  else
    die "$python is Python $version: install Python 3.11, 3.12 or 3.13, or name one with PYTHON=/path/to/python"
  fi
}

find_python() {
  local candidate
  # On a Pi the system's own Python goes first: only it sees the system's lgpio.
  local candidates=(python3.13 python3.12 python3.11 python3)
  if on_raspberry_pi; then candidates=(/usr/bin/python3 "${candidates[@]}"); fi
  if [[ -n ${PYTHON:-} ]]; then candidates=("$PYTHON"); fi
  for candidate in "${candidates[@]}"; do
    if is_supported "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  refuse_python "$candidate"
}

# A .venv is kept when it is whole and of the Python that was asked for, if one was.
has_venv() {
  [[ -x $VENV/bin/pip ]] && is_supported "$VENV/bin/python" &&
    [[ -z ${PYTHON:-} || $(describe_python "$PYTHON") == "$(describe_python "$VENV/bin/python")" ]]
}

make_venv() {
  local python version options=()
  python=$(find_python)
  read -r version _ <<<"$(describe_python "$python")"
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    die "Python $version here cannot make virtual environments: sudo apt install python$version-venv"
  if on_raspberry_pi; then options+=(--system-site-packages); fi
  "$python" -m venv --clear "${options[@]}" "$VENV"
}

# What an installation was made of; while it stands unchanged there is nothing to do.
ingredients() {
  printf '%s in %s\n' "$(describe_python "$VENV/bin/python")" "$ROOT"
  cat -- "$ROOT/pyproject.toml"
}

is_installed() {
  [[ -f $VENV/installed-$1 && $(ingredients) == "$(<"$VENV/installed-$1")" ]]
}

# Counts seconds on a terminal while pip is silent; ends with its parent, however that ends.
show_progress() {
  local start=$SECONDS
  while kill -0 $$ 2>/dev/null; do
    printf '\r%s %d s ' "$1" $((SECONDS - start)) >&2
    sleep 1
  done
}

install_quietly() {
  local message="Installing Firstlight into .venv (a few minutes the first time)" ticker="" status=0
  if [[ -t 2 ]]; then
    show_progress "$message" &
    ticker=$!
  else
    printf '%s\n' "$message" >&2
  fi
  "$VENV/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input --editable "$1" || status=$?
  if [[ -n $ticker ]]; then
    kill "$ticker" 2>/dev/null || true
    printf '\n' >&2
  fi
  ((status == 0)) || die "pip could not install everything (its reason stands above): mend that, then run this again"
}

# ensure base: what the box needs; ensure test, ensure train: that and an extra of pyproject.toml.
ensure() {
  local extra=$1
  if has_venv && is_installed "$extra"; then return; fi
  refuse_32_bit_kernel
  has_venv || make_venv
  if [[ $extra == train && $(describe_python "$VENV/bin/python") != 3.11\ * ]]; then
    die "training needs Python 3.11, the last with TensorFlow 2.15: PYTHON=python3.11 ./setup.sh venv train"
  fi
  if [[ $extra == base ]]; then install_quietly "$ROOT"; else install_quietly "${ROOT}[$extra]"; fi
  ingredients >"$VENV/installed-base"
  ingredients >"$VENV/installed-$extra"
}

run_demo() {
  ensure base
  cd -- "$ROOT"
  exec "$VENV/bin/python" -m appliance demo "$@"
}

run_tests() {
  # The tests run in the project's folder, so a relative FIRSTLIGHT_DATA is read from where the caller stood.
  if [[ -n ${FIRSTLIGHT_DATA:-} ]]; then
    FIRSTLIGHT_DATA=$(realpath -m -- "$FIRSTLIGHT_DATA")
    export FIRSTLIGHT_DATA
  fi
  ensure test
  cd -- "$ROOT"
  exec "$VENV/bin/python" -m pytest -rs "$@"
}

main() {
  local command=${1:-}
  shift || true
  case $command in
    demo) run_demo "$@" ;;
    test) run_tests "$@" ;;
    venv)
      case ${1:-base} in
        base | test | train) ensure "${1:-base}" ;;
        *) die "venv takes test or train, not $1" ;;
      esac
      ;;
    install | uninstall)
      # shellcheck source=systemd/install.sh
      source "$ROOT/systemd/install.sh"
      "run_$command" "$@"
      ;;
    -h | --help | help) usage ;;
    *)
      usage >&2
      exit 64
      ;;
  esac
}

main "$@"
