# shellcheck shell=bash disable=SC2153
# Installing on a Pi; sourced by setup.sh, which knows ROOT, die and find_python.
#
# A release is a folder of its own beside /opt/firstlight, a link to the one in force.  So an upgrade is a link that is
# switched, and what does not come to life is switched back.  FIRSTLIGHT_ROOT stands before every path: tests install there.

DEST=${FIRSTLIGHT_ROOT:-}
PREFIX=$DEST/opt/firstlight
RELEASES=$DEST/opt/firstlight-releases
UNITS=$DEST/etc/systemd/system
STATE=$DEST/var/lib/firstlight
KEPT=$DEST/var/lib/firstlight-before-upgrade
BOOT=$DEST/boot/firmware
SERVICES=(firstlight.service firstlight-web.socket firstlight-web.service)
PACKAGES=(python3-venv python3-lgpio avahi-daemon)
MINE=(appliance drivers models systemd README.md pyproject.toml) # what a release is made of
HEALTHY_S=${FIRSTLIGHT_HEALTHY_S:-180} # a cold start on the slowest Pi may take most of a minute
QUIET_BEFORE_ALARM_S=3600

DRY_RUN="" YES="" NETWORK="" PLAN_N=0

# The steps of a plan: "step WORDS FUNCTION ARGUMENTS": said always, done unless --dry-run.
step() {
  PLAN_N=$((PLAN_N + 1))
  printf '%2d. %s\n' "$PLAN_N" "$1"
  shift
  if [[ -z $DRY_RUN ]]; then "$@"; fi
}

# A question that only a person may answer with yes; without a terminal the answer is no.
agreed() {
  local answer=""
  [[ -t 0 ]] || return 1
  read -r -p "$1 [y/N] " answer
  [[ $answer == [yY]* ]]
}

read_options() {
  local option
  for option in "$@"; do
    case $COMMAND$option in
      install--dry-run | uninstall--dry-run) DRY_RUN=1 ;;
      install--yes | uninstall--yes) YES=1 ;;
      install--network) NETWORK=yes ;;
      install--no-network) NETWORK=no ;;
      uninstall--delete-data) DELETE_DATA=yes ;;
      *) die "$COMMAND takes --dry-run and --yes; install also --network or --no-network, uninstall --delete-data" ;;
    esac
  done
}

need_root() {
  [[ -n $DRY_RUN || -n $DEST || $(id -u) == 0 ]] || die "this changes the system: sudo ./setup.sh $COMMAND (or --dry-run, to see what it would do)"
}

# Version and a fingerprint of everything that is installed: the same sources are the same release.
release_name() {
  local version sum
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$ROOT/pyproject.toml")
  sum=$(cd -- "$ROOT" && find "${MINE[@]}" -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
  printf '%s-%s\n' "$version" "${sum:0:10}"
}

install_packages() {
  local wanted=() package
  for package in "${PACKAGES[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || wanted+=("$package")
  done
  if ((${#wanted[@]})); then
    apt-get update --quiet=2 || true # a fresh card knows no packages yet; without a network the next line says so
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${wanted[@]}" ||
      die "apt could not install ${wanted[*]} (its reason stands above): mend that, then run this again"
  fi
}

# Its own venv at its final place, for a venv knows its path.  Unfinished ones are begun again.
build_release() {
  local release=$1 python
  [[ -f $release/whole ]] && return
  rm -rf -- "$release"
  mkdir -p -- "$release/source"
  cp -a -- "${MINE[@]/#/$ROOT/}" "$release/source/"
  python=$(find_python)
  "$python" -m venv --system-site-packages "$release"
  "$release/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --only-binary :all: \
    --require-hashes --requirement "$release/source/systemd/requirements.txt" ||
    die "pip could not fetch what Firstlight needs (its reason stands above): nothing was changed, run this again"
  "$release/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation \
    "$release/source" || die "Firstlight itself could not be installed (the reason stands above): nothing was changed"
  cp -a -- "$release/source/README.md" "$release/source/systemd" "$release/"
  rm -rf -- "$release/source"
  touch -- "$release/whole"
}

put_file() { # SOURCE TARGET
  install -D -m 0644 -- "$1" "$2"
}

# A release's own: going back to the one before brings back its units too.
put_units() {
  local from=$1/systemd unit
  for unit in "${SERVICES[@]}"; do put_file "$from/$unit" "$UNITS/$unit"; done
  put_file "$from/sysusers.d/firstlight.conf" "$DEST/etc/sysusers.d/firstlight.conf"
  put_file "$from/tmpfiles.d/firstlight.conf" "$DEST/etc/tmpfiles.d/firstlight.conf"
  put_file "$from/udev/99-firstlight.rules" "$DEST/etc/udev/rules.d/99-firstlight.rules"
}

make_accounts() {
  systemd-sysusers "$DEST/etc/sysusers.d/firstlight.conf"
  systemd-tmpfiles --create "$DEST/etc/tmpfiles.d/firstlight.conf"
  udevadm control --reload 2>/dev/null || true
  udevadm trigger --subsystem-match=tty 2>/dev/null || true
}

# The network's answer is a file beside each unit; without one the page is heard on this computer alone.
open_page() {
  local allowed=$'IPAddressAllow=10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 fe80::/10 fc00::/7\n'
  mkdir -p -- "$UNITS/firstlight-web.socket.d" "$UNITS/firstlight-web.service.d"
  { cat -- "$RELEASE/systemd/network.conf" && printf '[Socket]\nListenStream=\nListenStream=80\n%s' "$allowed"; } \
    >"$UNITS/firstlight-web.socket.d/network.conf"
  { cat -- "$RELEASE/systemd/network.conf" && printf '[Service]\n%s' "$allowed"; } >"$UNITS/firstlight-web.service.d/network.conf"
}

is_open() {
  [[ -f $UNITS/firstlight-web.socket.d/network.conf ]]
}

close_page() {
  rm -rf -- "$UNITS/firstlight-web.socket.d" "$UNITS/firstlight-web.service.d"
}

boot_settings() {
  printf '%s\n' '# Firstlight: the radar at pins 8 and 10, the room sensors at pins 3 and 5' '[all]' \
    'enable_uart=1' 'dtparam=i2c_arm=on' \
    '# ... by the better of the two serial ports, which Bluetooth has otherwise' \
    '[pi02]' 'dtoverlay=miniuart-bt' '[pi3]' 'dtoverlay=miniuart-bt' '[pi4]' 'dtoverlay=miniuart-bt' \
    '[pi5]' 'dtparam=uart0=on' '[all]'
}

keep_once() {
  [[ -e $1.before-firstlight ]] || cp -a -- "$1" "$1.before-firstlight"
}

# Replaced in one piece: a power cut in between must not leave a Pi that does not start.
replace_with() {
  cat >"$1.new"
  sync -- "$1.new"
  mv -- "$1.new" "$1"
}

set_boot() {
  local config=$BOOT/config.txt cmdline=$BOOT/cmdline.txt
  if [[ -f $config ]] && ! grep -qxF -- "$(boot_settings | head -n 1)" "$config"; then
    keep_once "$config"
    { cat -- "$config" && printf '\n' && boot_settings; } | replace_with "$config"
    REBOOT=1
  fi
  if [[ -f $cmdline ]] && grep -qE '(^| )console=(serial0|ttyAMA0|ttyS0)\b' "$cmdline"; then
    keep_once "$cmdline"
    sed -E 's/(^| )console=(serial0|ttyAMA0|ttyS0)(,[^ ]*)?//g; s/^ +//' "$cmdline" | replace_with "$cmdline"
    REBOOT=1
  fi
}

# A Pi of its own is called firstlight.local; whoever has named theirs keeps the name.
name_host() {
  [[ $(hostname) != raspberrypi ]] || hostnamectl set-hostname firstlight
}

warm_kernels() {
  mkdir -p -- "$DEST/var/cache/firstlight"
  if [[ -z $DEST ]]; then chown firstlight:firstlight /var/cache/firstlight; fi
  runuser -u firstlight -- env NUMBA_CACHE_DIR="$DEST/var/cache/firstlight" "$1/bin/python" -c \
    'from appliance.kernels import warm; warm()'
}

# An alarm that is due soon is worth more than a new version.
refuse_before_alarm() {
  local status=$DEST/run/firstlight/status.json
  [[ -f $status ]] || return 0
  local python
  python=$(find_python)
  "$python" - "$status" "$QUIET_BEFORE_ALARM_S" <<'PYTHON' || die "an alarm is due within the hour or rings: run this again when it is over"
import json, sys, time
try:
    with open(sys.argv[1], encoding="utf-8") as file:
        status = json.load(file)
except (OSError, ValueError):
    sys.exit(0)
due = status.get("next_alarm_utc")
busy = status.get("alarm_phase", "idle").lower() in ("dawn", "ringing", "snoozed")
sys.exit(busy or (due is not None and 0 <= due - time.time() < float(sys.argv[2])))
PYTHON
}

switch_to() {
  ln -sfn -- "$1" "$PREFIX.new"
  mv -T -- "$PREFIX.new" "$PREFIX"
}

start_services() {
  systemctl daemon-reload
  systemctl enable --quiet "${SERVICES[@]}"
  systemctl restart firstlight.service firstlight-web.socket firstlight-web.service
}

# The supervisor tells systemd that it is ready after whole turns; the page answers with its one word.
is_healthy() {
  local until=$((SECONDS + HEALTHY_S))
  while ((SECONDS <= until)); do
    if systemctl is-active --quiet firstlight.service && systemctl is-active --quiet firstlight-web.service &&
      "$PREFIX/bin/python" -c 'import urllib.request as u; u.urlopen("http://127.0.0.1/health", timeout=5)' 2>/dev/null; then
      return 0
    fi
    sleep 1
  done
  return 1
}

keep_data() {
  rm -rf -- "$KEPT"
  if [[ -d $STATE ]]; then cp -a -- "$STATE" "$KEPT"; fi
}

# Data that a version wrote which did not come to life may be of a form that the old one cannot read.
go_back() {
  local before=$1
  systemctl stop firstlight-web.service firstlight.service || true
  if [[ -d $KEPT ]]; then
    rm -rf -- "$STATE"
    mv -- "$KEPT" "$STATE"
  fi
  switch_to "$before"
  put_units "$before"
  systemctl daemon-reload
  systemctl restart firstlight.service firstlight-web.socket firstlight-web.service || true
  die "version $(basename -- "$RELEASE") did not come to life: $(basename -- "$before") runs again with its nights and settings; see journalctl -u firstlight -u firstlight-web"
}

put_in_force() {
  local before=""
  if [[ -L $PREFIX ]]; then before=$(readlink -- "$PREFIX"); fi
  if [[ -n $before && $before != "$RELEASE" ]]; then
    systemctl stop firstlight-web.service firstlight.service || true
    keep_data
  fi
  switch_to "$RELEASE"
  if start_services && is_healthy; then
    rm -rf -- "$KEPT"
  elif [[ -n $before && $before != "$RELEASE" && -x $before/bin/firstlight ]]; then
    go_back "$before"
  else
    die "Firstlight was installed and does not come to life: see journalctl -u firstlight -u firstlight-web"
  fi
}

# The one before stays, to go back to by hand.
forget_old_releases() {
  local release before=$1
  for release in "$RELEASES"/*; do
    [[ $release == "$RELEASE" || $release == "$before" ]] || rm -rf -- "$release"
  done
}

run_install() {
  COMMAND=install REBOOT=""
  read_options "$@"
  refuse_32_bit_kernel
  need_root
  local before=""
  RELEASE=$RELEASES/$(release_name)
  if [[ -L $PREFIX ]]; then before=$(readlink -- "$PREFIX"); fi
  if [[ -z $NETWORK ]]; then
    if is_open; then NETWORK=yes; fi # as it was answered before
    if [[ -z $NETWORK && -z $DRY_RUN && -z $YES ]] &&
      agreed "Show the page to the local network, to browsers paired at the box? Else to this computer alone."; then
      NETWORK=yes
    fi
  fi
  printf 'Firstlight %s%s\n' "$(basename -- "$RELEASE")" "${before:+, in place of $(basename -- "$before")}"
  if [[ -z $DRY_RUN ]]; then refuse_before_alarm; fi
  step "Debian's packages ${PACKAGES[*]}, where they are missing" install_packages
  step "the program into $RELEASE, from hashed requirements" build_release "$RELEASE"
  step "units, accounts' and folders' descriptions and the radar's device name into $DEST/etc" put_units "$RELEASE"
  step "users firstlight and firstlight-web, /var/lib/firstlight, /dev/firstlight-radar" make_accounts
  if [[ $NETWORK == yes ]]; then
    step "the page at port 80 for private networks' addresses" open_page
  else
    step "the page at port 80 for this computer alone" close_page
  fi
  step "serial port and I2C bus on, the console off the serial port, in $BOOT (copies: *.before-firstlight)" set_boot
  step "the name firstlight.local, where the Pi is still called raspberrypi" name_host
  step "compiled kernels into /var/cache/firstlight" warm_kernels "$RELEASE"
  step "services enabled and started; within $HEALTHY_S s they must be well, or what ran before runs again" put_in_force
  step "older releases than the last two removed" forget_old_releases "$before"
  if [[ -n $DRY_RUN ]]; then
    printf 'Nothing was changed.\n'
    return
  fi
  tell_where
}

tell_where() {
  if is_open; then
    printf '\nThe page is at http://%s.local\n' "$(hostname)"
  else
    printf '\nThe page is at http://127.0.0.1, on this computer alone: ./setup.sh install --network shows it to the local network\n'
  fi
  printf 'To pair a browser: open the page, hold the button on the box for 5 s (or run: sudo -u firstlight-web %s/bin/firstlight pair), press Pair.\n' "$PREFIX"
  printf 'What is wired and what is missing: sudo -u firstlight %s/bin/firstlight doctor\n' "$PREFIX"
  if [[ -n $REBOOT ]]; then printf 'The serial port and the I2C bus come with the next start: sudo reboot\n'; fi
}

stop_services() {
  systemctl disable --quiet --now "${SERVICES[@]}" 2>/dev/null || true
}

remove_program() {
  local unit
  for unit in "${SERVICES[@]}"; do rm -rf -- "${UNITS:?}/$unit" "${UNITS:?}/$unit.d"; done
  rm -f -- "$DEST/etc/sysusers.d/firstlight.conf" "$DEST/etc/tmpfiles.d/firstlight.conf" \
    "$DEST/etc/udev/rules.d/99-firstlight.rules" "$PREFIX"
  rm -rf -- "$RELEASES" "$DEST/var/cache/firstlight" "$KEPT"
  systemctl daemon-reload
}

remove_data() {
  rm -rf -- "$STATE" "$DEST/etc/firstlight"
}

run_uninstall() {
  COMMAND=uninstall DELETE_DATA=""
  read_options "$@"
  need_root
  if [[ -z $DELETE_DATA && -z $DRY_RUN && -z $YES ]] &&
    agreed "Delete all nights, alarms and settings too, for good? Else they stay in $STATE."; then
    DELETE_DATA=yes
  fi
  step "the services stopped: no alarm rings from here on" stop_services
  step "program, units and device name removed" remove_program
  if [[ $DELETE_DATA == yes ]]; then
    step "nights, alarms, settings and configuration deleted" remove_data
  else
    step "nights, alarms, settings and configuration kept in $STATE and $DEST/etc/firstlight" true
  fi
  if [[ -n $DRY_RUN ]]; then
    printf 'Nothing was changed.\n'
    return
  fi
  printf 'What stays: users and groups, Debian packages, and the settings in %s (copies of before: *.before-firstlight)\n' "$BOOT"
}
