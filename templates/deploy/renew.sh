# Keeps the lease of this machine; a timer runs it every two minutes, and it asks when it is time to. The lease says by
# itself until when it holds. `now` as its argument: asks whatever the lease says.
set -eu && umask 022
state=/var/lib/signet/$PRODUCT license=/etc/signet/$PRODUCT/license
field() { grep -oE "\"$1\": *\"[^\"]*\"" "$work/answer" | head -n 1 | cut -d '"' -f 4; }
claims() { # Old ones of openssl read no long lines.
  cut -d . -f 2 | tr -- '-_' '+/' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | fold -w 64 | openssl base64 -d 2>&1
}
number() { printf %s "$held" | grep -oE "\"$1\": *[0-9]+" | head -n 1 | tr -dc 0-9; }

# 0: there is no lease, it is to be renewed before the timer comes again, or the clock was turned back.
due() {
  [ -s "$state/activation" ] && [ -s "$state/lease.jwt" ] || return 0
  held=$(claims <"$state/lease.jwt" | tr -d '\0') clock=$(date +%s)
  after=$(number renew_after) since=$(number iat)
  [ $((clock + 150)) -ge "${after:-0}" ] || [ "$clock" -lt "${since:-0}" ]
}
[ "${1-}" = now ] || due || exit 0

work=$(mktemp -d) && trap 'rm -rf "$work" "$state"/*.new "$license.new"' EXIT
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

# signed NAME AUDIENCE: keeps this member of the answer in $work when it has the form of a signed text for that audience.
signed() {
  field "$1" >"$work/$1"
  grep -qE '^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}$' "$work/$1" &&
    claims <"$work/$1" | grep -qE "^\{.*\"aud\":\"$2\".*\}$"
}

# store: the answer, all or nothing. Every proxy can answer 200.
store() {
  signed lease "$PRODUCT/lease" && signed keys "$PRODUCT/keys" || return 1
  field id >"$work/id" && grep -qE '^[0-9a-f-]{36}$' "$work/id" || return 1
  cp "$work/lease" "$state/lease.new" && cp "$work/keys" "$state/keys.new" && cp "$work/id" "$state/id.new" || return 1
  # Codes are issued anew; a file that is replaced keeps its owner and mode.
  if signed code "$PRODUCT(/device)?" && ! cmp -s "$work/code" "$license"; then
    (umask 077 && cp -p "$license" "$license.new" && cat "$work/code" >"$license.new") || return 1
    mv -f "$license.new" "$license" || return 1
  fi
  mv -f "$state/keys.new" "$state/keys.jwt" && mv -f "$state/lease.new" "$state/lease.jwt" &&
    mv -f "$state/id.new" "$state/activation"
}

# ask PATH MEMBERS: 0 with a new lease.
ask() {
  : >"$work/answer"
  status=$(printf 'header = "Authorization: License %s"' "$(cat "$license")" |
    curl -sS --config - --max-time 30 -o "$work/answer" -w '%{http_code}' \
      --header 'Content-Type: application/json' --data "{$2\"components\":{$components}}" \
      "$SERVICE/api/v1/activations$1") || status=000
  case $status in 200 | 201) store ;; *) return 1 ;; esac
}

fresh() { ask '' "\"product\":\"$PRODUCT\",\"name\":\"$(uname -n | tr -dc 'A-Za-z0-9._-')\","; }
if [ ! -s "$state/activation" ]; then fresh; else ask "/$(cat "$state/activation")/renew" ''; fi || {
  [ "$(field reason)" = lease_ended ] && fresh
} || {
  echo "no new lease (status $status): $(field detail)" >&2
  # 75: worth another try (sysexits.h). What is no answer of this service is none.
  case $status in 407 | 408 | 429 | [!4]??) exit 75 ;; *) exit 1 ;; esac
}
