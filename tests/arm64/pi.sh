#!/usr/bin/env bash
# A whole Raspberry Pi 3A+ (512 MB, the class of a Zero 2 W) under emulation: Debian's kernel, systemd, a gpiochip and
# a UART that pi.py puts a twin of the radar on. README.md beside this file says how to use it.
#   pi.sh make   kernel, device tree, initramfs and card, from the root of bookworm that roots.sh and prove.sh made
#   pi.sh boot   [ARGUMENT...]  boots it; arguments go to qemu-system-aarch64
set -euo pipefail

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
BASE=${ARM64_ROOTS:-/var/tmp/firstlight-arm64}
ROOT=$BASE/bookworm
PI=$BASE/pi
MODULES=(crc32c_generic ext4 bcm2835 sdhci-iproc)
REVISION=0x902120 # a Zero 2 W's, which gpiozero looks for; firmware writes it on a real Pi

die() {
  printf 'pi.sh: %s\n' "$*" >&2
  exit 1
}

get_kernel() {
  local package
  package=$("$HERE/roots.sh" run bookworm apt-cache depends linux-image-arm64 | sed -n 's/.*Depends: \(linux-image-6[^ ]*\).*/\1/p')
  rm -rf -- "$ROOT/kernel"
  mkdir -p -- "$ROOT/kernel" "$PI/parts"
  # shellcheck disable=SC2016  # expanded in the root
  "$HERE/roots.sh" run bookworm bash -c 'cd /kernel && apt-get download --quiet "$@"' bash "$package" busybox-static
  for package in "$ROOT"/kernel/*.deb; do dpkg -x "$package" "$PI/parts"; done
  version=$(basename -- "$PI"/parts/boot/vmlinuz-*)
  version=${version#vmlinuz-}
  depmod -b "$PI/parts" "$version"
  cp -- "$PI/parts/boot/vmlinuz-$version" "$PI/kernel"
}

# Three things are wanted of the tree that QEMU 7.2 or its lack of firmware does not give: the power manager's second
# range, which is not emulated; the board's revision; and the UART freed from Bluetooth, as dtoverlay=disable-bt does.
make_tree() {
  cp -- "$PI/parts/usr/lib/linux-image-$version/broadcom/bcm2837-rpi-3-a-plus.dtb" "$PI/tree.dtb"
  fdtput -t x "$PI/tree.dtb" /soc/watchdog@7e100000 reg 7e100000 114
  fdtput -t s "$PI/tree.dtb" /soc/watchdog@7e100000 reg-names pm
  fdtput -r "$PI/tree.dtb" /soc/serial@7e201000/bluetooth
  fdtput -c "$PI/tree.dtb" /system
  fdtput -t x "$PI/tree.dtb" /system linux,revision "${REVISION#0x}"
}

make_initramfs() {
  local tree=$PI/initramfs module file
  rm -rf -- "$tree"
  mkdir -p -- "$tree"/{bin,dev,proc,sys,card,modules}
  cp -- "$PI/parts/bin/busybox" "$tree/bin/busybox"
  : >"$tree/modules/order"
  for module in "${MODULES[@]}"; do
    modprobe -d "$PI/parts" -S "$version" --show-depends "$module" | while read -r _ file _; do
      cp -- "$file" "$tree/modules/"
      basename -- "$file" >>"$tree/modules/order"
    done
  done
  cat >"$tree/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
while read -r module; do /bin/busybox insmod "/modules/$module" 2>/dev/null; done </modules/order
until [ -b /dev/mmcblk0 ]; do /bin/busybox sleep 0.2; done
/bin/busybox mount -t ext4 /dev/mmcblk0 /card
/bin/busybox umount /proc /sys
/bin/busybox mount --move /dev /card/dev
exec /bin/busybox switch_root /card /sbin/init
END
  chmod +x "$tree/init"
  (cd -- "$tree" && find . | cpio --quiet -o -H newc | gzip -1) >"$PI/initramfs.gz"
}

# The root and, laid over it, what makes it a box: modules, units, configuration, and the proof that runs on it.
make_card() {
  local merged=$PI/merged upper=$PI/upper
  rm -rf -- "$upper" "$PI/work"
  mkdir -p -- "$merged" "$upper" "$PI/work"
  mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$upper,workdir=$PI/work" "$merged"
  trap 'umount "$PI/merged"' EXIT
  mkdir -p -- "$merged/lib/modules/$version" "$merged/etc/firstlight" "$merged/opt"
  tar -C "$PI/parts/lib/modules/$version" --exclude='kernel/drivers/*/wireless' --exclude=kernel/drivers/gpu --exclude=kernel/drivers/media \
    --exclude=kernel/drivers/net --exclude=kernel/sound -c . | tar -C "$merged/lib/modules/$version" -x
  rm -rf -- "$merged/kernel" "$merged/counting" "$merged/evening" "$merged"/var/cache/apt/archives/*.deb
  echo firstlight-pi >"$merged/etc/hostname"
  echo '/dev/mmcblk0 / ext4 defaults,noatime 0 1' >"$merged/etc/fstab"
  if [[ ! -e $merged/opt/firstlight ]]; then # not installed by setup.sh install: the units find the venv all the same
    ln -s /firstlight/.venv "$merged/opt/firstlight"
    cp -- "$HERE"/../../systemd/*.service "$merged/etc/systemd/system/"
    cp -- "$HERE"/../../systemd/sysusers.d/* "$merged/usr/lib/sysusers.d/"
    cp -- "$HERE"/../../systemd/tmpfiles.d/* "$merged/usr/lib/tmpfiles.d/"
    cp -- "$HERE"/../../systemd/udev/* "$merged/usr/lib/udev/rules.d/"
  fi
  cp -- "$HERE/pi_proof.py" "$merged/firstlight/tests/arm64/"
  cp -- "$HERE/pi.toml" "$merged/etc/firstlight/config.toml"
  cp -- "$HERE"/pi-*.service "$merged/etc/systemd/system/"
  chroot_enable "$merged" firstlight.service firstlight-web.service pi-alarm.service pi-proof.service
  rm -f -- "$PI/card.img"
  truncate -s 4G "$PI/card.img"
  mke2fs -q -F -t ext4 -E lazy_itable_init=1 -d "$merged" "$PI/card.img"
}

chroot_enable() {
  local root=$1 unit
  shift
  mkdir -p -- "$root/etc/systemd/system/multi-user.target.wants"
  for unit in "$@"; do ln -sf -- "/etc/systemd/system/$unit" "$root/etc/systemd/system/multi-user.target.wants/$unit"; done
}

# The radar's UART (PL011) is the first serial line and the console (mini-UART) the second.
boot() {
  exec qemu-system-aarch64 -M raspi3ap -m 512 -kernel "$PI/kernel" -dtb "$PI/tree.dtb" -initrd "$PI/initramfs.gz" \
    -append "console=ttyS1,115200 rw loglevel=3 systemd.show_status=0 cgroup_enable=memory ${PI_WORDS:-}" \
    -drive "file=$PI/card.img,if=sd,format=raw,cache=writeback" -display none -monitor none -no-reboot "$@"
}

case ${1:-} in
  make)
    ((EUID == 0)) || die "making the card needs root"
    for tool in depmod fdtput mke2fs cpio; do command -v "$tool" >/dev/null || die "no $tool here: apt install kmod device-tree-compiler e2fsprogs cpio"; done
    get_kernel
    make_tree
    make_initramfs
    make_card
    ;;
  boot)
    shift
    boot "$@"
    ;;
  *) die "usage: pi.sh make | pi.sh boot [QEMU-ARGUMENT...]" ;;
esac
