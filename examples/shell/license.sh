#!/bin/sh
# Runs by a lease: license.sh SERVER PRODUCT ROOT-KEY STATE-FOLDER, with the license in SIGNET_LICENSE. Exit code
# 0: run, 10: run and warn, 20: stop. Needs curl and openssl >= 3. PRODUCT and ROOT-KEY are constants in your script.
set -u && umask 077 && server=$1 product=$2 root=$3 state=$4
mkdir -p "$state" && cd "$state" && work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT || exit 1

say() { printf '%s\n' "$1"; }
encode() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
decode() { tr -- '-_' '+/' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | openssl base64 -d -A; }
digest() { printf '%s' "$1" | openssl dgst -sha256 -binary | encode; }
# The first member of that name: what a merchant can name comes last in every text that Signet signs.
field() { grep -oE "\"$1\":(\"[^\"]*\"|[0-9a-z]+)" | head -n 1 | cut -d : -f 2- | tr -d '"'; }
machine=${SIGNET_MACHINE_ID:+operator:$SIGNET_MACHINE_ID} && machine=${machine:-machine-id:$(cat /etc/machine-id)}
component="\"${machine%%:*}\":\"$(digest "$machine")\""

# read_text TEXT KIND KEY: the payload, if it is a text of this kind for this product and the key signed it.
read_text() {
  printf '%s' "${1%.*}" >"$work/input" && say "${1##*.}" | decode >"$work/signature"
  { printf '\060\052\060\005\006\003\053\145\160\003\041\000' && say "$3" | decode; } >"$work/key" # RFC 8410
  openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey "$work/key" -in "$work/input" \
    -sigfile "$work/signature" >/dev/null 2>&1 && say "${1%%.*}" | decode | grep -qF "\"typ\":\"$2+jwt\"" || return
  payload=$(say "$1" | cut -d . -f 2 | decode)
  [ "$(say "$payload" | field aud)" = "$product/$2" ] && say "$payload"
}

# signed TEXT KIND KEYS: the same, by the key that the text names, which the pinned root lists and has not revoked.
signed() {
  kid=$(say "${1%%.*}" | decode | field kid) && key=$(read_text "$3" keys "$root" | tr '{' '\n' | grep -F "\"$kid\"") &&
    read_text "$1" "$2" "$(say "$key" | grep -v '"revoked"' | field x)"
}

# ask PATH MEMBERS: keeps a new lease, or drops the old one after a signed no. Anything else says nothing.
ask() {
  nonce=$(openssl rand -hex 16)
  say "header = \"Authorization: License $SIGNET_LICENSE\"" | curl -sS --max-time 5 --config - --output "$work/answer" \
    --header 'Content-Type: application/json' --data "{$2\"components\":{$component},\"nonce\":\"$nonce\"}" \
    "$server/api/v1/activations$1" && listed=$(field keys <"$work/answer") && listed=${listed:-$(cat keys)} || return
  number=$(read_text "$listed" keys "$root" | field number)
  [ "${number:-0}" -ge "$(read_text "$(cat keys)" keys "$root" | field number | grep . || say 1)" ] || return
  if claims=$(signed "$(field lease <"$work/answer")" lease "$listed"); then
    [ "$(say "$claims" | field nonce)" = "$nonce" ] && say "$listed" >keys && field lease <"$work/answer" >lease
  elif claims=$(signed "$(field signed <"$work/answer")" validation "$listed") && field detail <"$work/answer" >&2; then
    [ "$(say "$claims" | field nonce) $(say "$claims" | field license)" = "$nonce $(digest "$SIGNET_LICENSE")" ] &&
    case $(say "$claims" | field conclusive)$(say "$claims" | field reason) in true* | *lease_ended) rm -f lease ;; esac
  fi
}

# Sets `stop` to the exit code and `due` to whether it is time to ask, by a clock that never goes back.
standing() {
  stop=20 due=yes claims=$(signed "$(cat lease)" lease "$(cat keys)") && say "$claims" | grep -qF "$component" || return
  clock=$(date +%s) now=$(say "$claims" | field time) && now=$((now / 1000000 > clock ? now / 1000000 : clock))
  [ "$now" -ge "$(say "$claims" | field grace_until)" ] || stop=10
  [ "$now" -ge "$(say "$claims" | field exp)" ] || stop=0
  [ "$now" -ge "$(say "$claims" | field renew_after)" ] || [ "$now" -gt $((clock + 300)) ] || due=
}

touch keys lease && standing; path=$(say "$claims" | field activation)
if [ ! -s lease ]; then ask '' "\"product\":\"$product\","; elif [ "$due" ]; then ask "/$path/renew" ''; fi
standing 2>/dev/null; exit "$stop"
