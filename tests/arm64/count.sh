#!/usr/bin/env bash
# Counts the supervisor's arm64 instructions a second of life, in a root that roots.sh made (instructions.py says how).
# It wants a qemu-aarch64 that loads plugins: Debian Bookworm's qemu-user (the static one does not).
set -euo pipefail

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
BASE=${ARM64_ROOTS:-/var/tmp/firstlight-arm64}
QEMU_PLUGINS=${QEMU_PLUGINS:-/usr/bin/qemu-aarch64}

die() {
  printf 'count.sh: %s\n' "$*" >&2
  exit 1
}

# The emulator, its libraries and the plugin, where a program in the root can start them.
bring_emulator() {
  local there=$1
  mkdir -p -- "$there"
  gcc -O2 -shared -fPIC -o "$there/count.so" "$HERE/count_instructions.c"
  ldd "$QEMU_PLUGINS" | grep -o '/[^ ]*' | xargs cp --dereference --target-directory="$there" -- "$QEMU_PLUGINS"
}

# Six instructions, a loop among them, of which it is known how many are executed: 1 + 2 * 0x1000000 + 3.
check_counter() {
  local there=$1 want=33554436 got
  printf '%b' '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0\x01\0\0\0\x78\0\x40\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40\0\0\0\0\0\x90\0\0\0\0\0\0\0\x90\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\x01\x20\xa0\xd2\x21\x04\0\xf1\xe1\xff\xff\x54\0\0\x80\xd2\xc8\x0b\x80\xd2\x01\0\0\xd4' >"$there/loop"
  chmod +x "$there/loop"
  "$QEMU_PLUGINS" -plugin "$there/count.so,to=$there/count" "$there/loop"
  got=$(od -An -td8 "$there/count" | tr -d ' ')
  [[ $got == "$want" ]] || die "the counter says $got where $want instructions were executed"
}

main() {
  local release=${1:-} root
  root=$BASE/$release
  [[ -n $release && -d $root/firstlight/.venv ]] || die "usage: count.sh RELEASE [MODULE MINUTES], after roots.sh made it and setup.sh venv ran there"
  [[ -x $QEMU_PLUGINS ]] || die "no $QEMU_PLUGINS: apt install qemu-user, or name one with QEMU_PLUGINS=/path/to/qemu-aarch64"
  shift
  bring_emulator "$root/counting"
  check_counter "$root/counting"
  exec "$HERE/roots.sh" run "$release" env COUNT=/counting/count \
    COUNTED="/counting/ld-linux-x86-64.so.2 --library-path /counting /counting/$(basename -- "$QEMU_PLUGINS") -plugin /counting/count.so,to=/counting/count" \
    PYTHONPATH=. .venv/bin/python tests/arm64/instructions.py "$@"
}

main "$@"
