# Keeps the lease of this machine; a timer runs it. The lease says by itself until when it holds.
set -eu && umask 022
state=/var/lib/signet/$PRODUCT
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
field() { grep -oE "\"$1\": *\"[^\"]*\"" "$work/answer" | head -n 1 | cut -d '"' -f 4; }
component() { # NAME VALUE
  [ ! "$2" ] || printf '%s"%s":"%s"' "$comma" "$1" \
    "$(printf %s "$1:$2" | openssl dgst -sha256 -binary | openssl base64 | tr '+/' '-_' | tr -d '=\n')" && comma=,
}
read_first() { head -n 1 "$1" 2>/dev/null || :; }
board=$(read_first /sys/class/dmi/id/product_uuid | tr 'A-F' 'a-f')
case $board in 00000000-0000-* | ffffffff-ffff-* | 03000200-0400-0500-0006-000700080009) board= ;; esac
components=$(comma='' && component machine-id "$(read_first /etc/machine-id)" && component dmi-uuid "$board" &&
  component cloud-instance "$(read_first /var/lib/cloud/data/instance-id)" &&
  component root-fs "$(findmnt -no UUID / 2>/dev/null || :)")

# ask PATH MEMBERS: 0 with a new lease.
ask() {
  : >"$work/answer"
  status=$(printf 'header = "Authorization: License %s"' "$(cat "/etc/signet/$PRODUCT/license")" |
    curl -sS --config - ${PIN:+--pinnedpubkey "$PIN"} --max-time 30 -o "$work/answer" -w '%{http_code}' \
      --header 'Content-Type: application/json' --data "{$2\"components\":{$components}}" \
      "$SERVICE/api/v1/activations$1") || status=000
  case $status in 200 | 201) ;; *) return 1 ;; esac
  field lease >"$state/lease.new" && mv "$state/lease.new" "$state/lease.jwt"
  field keys >"$state/keys.new" && mv "$state/keys.new" "$state/keys.jwt"
  field id >"$state/activation"
}

fresh() { ask '' "\"product\":\"$PRODUCT\",\"name\":\"$(uname -n | tr -dc 'A-Za-z0-9._-')\","; }
if [ ! -s "$state/activation" ]; then fresh; else ask "/$(cat "$state/activation")/renew" ''; fi || {
  [ "$(field reason)" = lease_ended ] && fresh
} || {
  echo "no new lease (status $status): $(field detail)" >&2
  # 75: worth another try (sysexits.h).
  case $status in 000 | 429 | 5??) exit 75 ;; *) exit 1 ;; esac
}
