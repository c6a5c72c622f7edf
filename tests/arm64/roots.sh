#!/usr/bin/env bash
# An arm64 Debian in a folder, on any Linux: what runs in it runs under emulation (qemu-user).
# README.md beside this file says how to use it.
set -euo pipefail

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd -- "$HERE/../.." && pwd)
BASE=${ARM64_ROOTS:-/var/tmp/firstlight-arm64}
BINFMT=/proc/sys/fs/binfmt_misc
PACKAGES=systemd-sysv,udev,dbus,procps,kmod,iproute2,ca-certificates,python3,python3-venv

usage() {
  cat >&2 <<'END'
usage: tests/arm64/roots.sh make RELEASE        a root of bookworm or trixie, with Python and systemd
       tests/arm64/roots.sh copy RELEASE        this checkout into the root, as /firstlight
       tests/arm64/roots.sh run RELEASE COMMAND...  runs COMMAND in the root, in /firstlight
       tests/arm64/roots.sh remove RELEASE
ARM64_ROOTS names the folder for the roots, QEMU the emulator, MIRROR a Debian mirror.
END
}

die() {
  printf 'roots.sh: %s\n' "$*" >&2
  exit 1
}

find_emulator() {
  local candidate
  for candidate in ${QEMU:-qemu-aarch64-static qemu-aarch64}; do
    if candidate=$(command -v "$candidate"); then
      realpath -- "$candidate"
      return
    fi
  done
  die "no qemu-aarch64 here: apt install qemu-user-static, or name one with QEMU=/path/to/qemu-aarch64"
}

# Tells the kernel to start arm64 programs with the emulator. Flag F opens it at once, so that it need not lie in the root.
register() {
  local emulator=$1
  [[ -e $BINFMT/register ]] || mount -t binfmt_misc binfmt_misc "$BINFMT" || die "this kernel has no binfmt_misc"
  if [[ -e $BINFMT/firstlight-arm64 ]]; then
    grep -qxF "interpreter $emulator" "$BINFMT/firstlight-arm64" && return
    echo -1 >"$BINFMT/firstlight-arm64"
  fi
  printf '%s' ":firstlight-arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:$emulator:OCF" >"$BINFMT/register"
}

make_root() {
  local release=$1 root=$2
  [[ ! -e $root ]] || die "$root is there already: remove it first"
  command -v debootstrap >/dev/null || die "no debootstrap here: apt install debootstrap"
  mkdir -p -- "$BASE/packages"
  debootstrap --arch=arm64 --variant=minbase --include="$PACKAGES" --cache-dir="$BASE/packages" "$release" "$root" ${MIRROR:+"$MIRROR"}
}

# The files that git knows, as they stand in this checkout, and its history for the tests that ask git.
copy_checkout() {
  local root=$1
  rm -rf -- "$root/firstlight.new"
  mkdir -- "$root/firstlight.new"
  git -C "$ROOT" ls-files -z --cached --others --exclude-standard | tar -C "$ROOT" --null --files-from=- --ignore-failed-read -c |
    tar -C "$root/firstlight.new" --no-same-owner -x
  if [[ -d $root/firstlight/.venv ]]; then mv -- "$root/firstlight/.venv" "$root/firstlight.new/.venv"; fi
  rm -rf -- "$root/firstlight"
  mv -- "$root/firstlight.new" "$root/firstlight"
}

# In namespaces of its own: what is mounted for the command, and every process it left behind, goes when it ends.
run_in() {
  local root=$1
  shift
  [[ -d $root ]] || die "no $root: make it first"
  cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
  if [[ -n ${PIP_CERT:-} ]]; then install -D -m 644 -- "$PIP_CERT" "$root/etc/ssl/certs/host.crt"; fi
  # shellcheck disable=SC2016  # expanded by the inner shell
  unshare --mount --pid --fork --kill-child --propagation private bash -euc '
    root=$1; shift
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t devpts -o newinstance,ptmxmode=0666,gid=5 devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount --bind "$root/dev/pts/ptmx" "$root/dev/ptmx"
    # Not exec: this shell stays the first process of the namespace, and all others end with it.
    chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 TERM=dumb QEMU_CPU="${QEMU_CPU:-cortex-a53}" \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      ${PIP_CERT:+PIP_CERT=/etc/ssl/certs/host.crt} \
      /bin/bash -c "cd /firstlight 2>/dev/null || cd /; exec \"\$@\"" bash "$@" || exit $?
  ' bash "$root" "$@"
}

main() {
  local command=${1:-} release=${2:-} root
  case $command in
    make | copy | run | remove) ;;
    *)
      usage
      exit 64
      ;;
  esac
  [[ $release =~ ^(bookworm|trixie)$ ]] || die "the release is bookworm or trixie, not ${release:-left out}"
  ((EUID == 0)) || die "roots need root: sudo $0 $*"
  root=$BASE/$release
  shift 2
  case $command in
    make)
      register "$(find_emulator)"
      make_root "$release" "$root"
      ;;
    copy) copy_checkout "$root" ;;
    run)
      (($# > 0)) || die "what is to run in the root?"
      register "$(find_emulator)"
      run_in "$root" "$@"
      ;;
    remove) rm -rf --one-file-system -- "$root" ;;
  esac
}

main "$@"
