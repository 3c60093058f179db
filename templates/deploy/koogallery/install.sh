#!/bin/bash
# Installs @PRODUCT@ @VERSION@ from the folder `bin` beside this one, and takes this machine's seat of the license. Made by
# `signet package export`. Run as root; /etc/signet/@PRODUCT@ holds the `license` (its code, one line) and `parameters`
# (a line NAME=value for each). Again does no harm.
set -euo pipefail
umask 022
here=$(cd "$(dirname "$0")/.." && pwd)
settings=/etc/signet/@PRODUCT@ state=/var/lib/signet/@PRODUCT@ home=/opt/signet/@PRODUCT@
release=$home/releases/@VERSION@
fail() {
  echo "signet: $*" >&2
  exit 1
}

# parameter NAME DEFAULT: passes an answer on; DEFAULT is `-` for none, or `=` and base64.
parameter() {
  local value
  if grep -q "^$1=" "$settings/parameters" 2>/dev/null; then
    value=$(sed -n "s/^$1=//p" "$settings/parameters" | tail -n 1)
  elif [ "$2" != - ]; then
    value=$(echo "${2#=}" | base64 -d)
  else
    fail "the answer to $1 is missing: add a line $1=value to $settings/parameters"
  fi
  export "SIGNET_PARAM_$1=$value"
}

[ "$(id -u)" = 0 ] || fail 'run this as root'
[ -s "$settings/license" ] || fail "there is no license in $settings/license: write its code there, readable by root only"
chmod 600 "$settings/license"
for tool in curl openssl sha256sum tar base64; do command -v "$tool" >/dev/null || fail "$tool is missing: install it"; done
@PARAMETERS@
cd "$here/bin"
echo '@SHA256@  @FILE@' | sha256sum -c -
rm -rf "$release"
mkdir -p "$release" "$state"
tar -xf '@FILE@' -C "$release"
cd "$release"
export SIGNET_PRODUCT='@PRODUCT@' SIGNET_SERVER='@SERVER@' SIGNET_LICENSE_FILE="$settings/license"
export SIGNET_LEASE_FILE="$state/lease.jwt"
timeout @INSTALL_SECONDS@ sh -c "$(echo '@INSTALL@' | base64 -d)" || fail "the installation failed with code $?"

cat >"$home/renew.sh" <<'HEAD'
#!/bin/sh
SERVICE='@SERVER@' PRODUCT='@PRODUCT@'
HEAD
cat >>"$home/renew.sh" <<'RENEW'
@RENEW@
RENEW
chmod 755 "$home/renew.sh"
try=0
until sh "$home/renew.sh" now; do
  # 75: worth another try (sysexits.h).
  [ $? = 75 ] && [ "$try" -lt 30 ] || fail 'no seat of the license'
  try=$((try + 1))
  sleep 5
done
if [ -d /run/systemd/system ]; then
  unit=/etc/systemd/system/signet-@PRODUCT@
  printf '[Service]\nType=oneshot\nExecStart=/bin/sh %s/renew.sh\n' "$home" >"$unit.service"
  printf '[Timer]\nOnBootSec=1min\nOnUnitActiveSec=2min\nRandomizedDelaySec=15s\nAccuracySec=10s\n[Install]\nWantedBy=timers.target\n' >"$unit.timer"
  systemctl daemon-reload
  systemctl enable --now "${unit##*/}.timer"
else
  echo "signet: no systemd: have $home/renew.sh run every 2 minutes"
fi

end=$((SECONDS + @HEALTH_SECONDS@))
until timeout 20 sh -c "$(echo '@HEALTH@' | base64 -d)"; do
  [ "$SECONDS" -lt "$end" ] || fail '@PRODUCT@ did not become healthy'
  sleep 5
done
echo "@PRODUCT@ @VERSION@ is healthy"
