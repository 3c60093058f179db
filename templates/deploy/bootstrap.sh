#!/bin/sh
# Installs licensed software on this server. Made for one deployment; its token works once and expires soon.
SERVICE='@SERVICE@' DEPLOYMENT='@DEPLOYMENT@' PRODUCT='@PRODUCT@'
TOKEN='@TOKEN@' KEY='@KEY@'
MANIFEST_SHA256='@MANIFEST_SHA256@' INSTALL_SECONDS='@INSTALL_SECONDS@' HEALTH_SECONDS='@HEALTH_SECONDS@'
PASSWORD='@PASSWORD@'
INSTALL='@INSTALL@'
HEALTH='@HEALTH@'
PARAMETERS='@PARAMETERS@'

# A script that arrives cut off must do nothing: all is in functions, and the last line calls.
note() { echo "signet: $1" && echo "$1" >>"$run/log"; }
fail() { note "$2" && echo "$1" >"$run/reason" && exit 1; }
now() { cut -d . -f 1 /proc/uptime; } # The clock may be set meanwhile.
encode() { openssl base64 | tr -d '\n'; }
decode() { { fold -w 64 && echo; } | openssl base64 -d; } # Old ones read no long lines.
from_url() { tr -- '-_' '+/' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | decode; }
sha256() { openssl dgst -sha256 <"$1" | awk '{ print $NF }'; }
field() { grep -oE "\"$1\": *(\"[^\"]*\"|[0-9]+)" | head -n 1 | sed 's/^[^:]*: *//' | tr -d '"'; }
size() { if [ -e "$1" ]; then echo $(($(wc -c <"$1"))); else echo 0; fi; }
free_kib() { df -Pk "$home" | awk 'END { print $4 }'; }
full_or() { if [ "$(free_kib)" -lt 1024 ]; then echo disk_full; else echo "$1"; fi; }
refused_or() { case $status in 422) echo digest ;; 4??) echo license ;; *) echo "$1" ;; esac; }
pause() { try=$((try + 1)) && [ "$try" -le "$patience" ] && sleep $((try < 5 ? try * 2 : 15)); }

# fetch FILE ARGUMENT…: curl, with what no other process may see on its input. `status` 000: no answer, or half of one.
fetch() {
  file=$1 curl=0 && shift
  status=$(echo "$auth" | curl -sS --config - --connect-timeout 10 -o "$file" \
    -w '%{http_code}' "$@" 2>"$run/error") || { curl=$? && status=000; }
}

# ask PATH ARGUMENT…: the answer is in $run/answer. What got lost or came too early is asked again, up to a quarter of an hour.
ask() {
  path=$1 try=0 && shift
  while :; do
    : >"$run/answer"
    fetch "$run/answer" --max-time 60 "$@" "$SERVICE/api/v1/bootstrap/$path"
    case $status in
      2??) return ;;
      000 | 408 | 429 | 5??) pause || break ;;
      *) break ;;
    esac
  done
  detail=$(field detail <"$run/answer")
  note "${path%%\?*}: status $status: ${detail:-$(head -n 1 "$run/error")}"
  return 1
}

# report EVENT [NAME=VALUE]: tells how it goes, with the log since the last time; sets `order`.
report() {
  sequence=$(($(cat "$run/sequence") + 1)) && echo "$sequence" >"$run/sequence"
  tail -c 16000 "$run/log" >"$run/body" && : >"$run/log"
  ask "report?sequence=$sequence&stage=$(cat "$run/stage")&event=$1${2:+&$2}" \
    --header 'Content-Type: text/plain' --data-binary "@$run/body" && order=$(sed -n 's/^order //p' "$run/answer")
}
tell() {
  report "$@" || exit 1
  [ "$order" != stop ] || exit 3
}
begin() { echo "$1" >"$run/stage" && tell begin; }

# attend SECONDS COMMAND: runs it in a session of its own, passes on what it prints, ends all of it when the time is over.
attend() {
  rm -f "$run/code" && : >"$run/output" && seen=0 && end=$(($(now) + $1))
  # shellcheck disable=SC2016 # Expanded by the inner one.
  (cd "$release" && umask 022 && exec setsid sh -c 'sh -c "$0"; echo $? >"$1"' "$2" "$run/code") \
    >"$run/output" 2>&1 </dev/null &
  child=$!
  while sleep 1; do
    ended=$(cat "$run/code" 2>/dev/null) || :
    all=$(size "$run/output")
    if [ "$all" -gt "$seen" ]; then
      tail -c "+$((seen + 1))" "$run/output" | head -c $((all - seen)) | tee -a "$run/log"
      seen=$all
      [ "$(cat "$run/stage")" = healthy ] || tell log
    fi
    [ ! "$ended" ] || { child='' && return "$ended"; }
    [ "$(now)" -lt "$end" ] || { kill_child && note "ended after $1 seconds" && return 124; }
  done
}
kill_child() {
  [ ! "$child" ] || kill -s KILL -- "-$child" || :
  child=''
}

open_session() {
  # By it the service knows this server after a reboot, too.
  key=/var/lib/signet/$PRODUCT/$DEPLOYMENT.key
  [ -s "$key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$key"
  openssl ec -in "$key" -pubout -outform DER 2>/dev/null | encode >"$run/public"
  printf 'signet-bootstrap\n%s\n%s' "$TOKEN" "$(cat "$run/public")" >"$run/claim"
  openssl dgst -sha256 -sign "$key" "$run/claim" | encode >"$run/proof"
  printf %s "$TOKEN" >"$run/token"
  head -c 64 /var/lib/cloud/data/instance-id 2>/dev/null | tr -dc 'A-Za-z0-9-' >"$run/instance"
  set -- token key=public proof instance
  for name; do set -- "$@" --data-urlencode "${name%=*}@$run/${name#*=}" && shift; done
  ask session "$@" || return
  sed -n 's/^sequence //p' "$run/answer" >"$run/sequence"
  auth="header = \"Authorization: Bootstrap $(sed -n 's/^session //p' "$run/answer")\""
}

download() {
  begin downloading
  for tool in tar setsid; do command -v "$tool" >/dev/null || fail tools "$tool is missing: install it"; done
  ask manifest || fail "$(refused_or network)" 'no manifest'
  [ "$(sha256 "$run/answer")" = "$MANIFEST_SHA256" ] || fail digest 'the manifest is not the one this server was made for'
  manifest=$(cat "$run/answer")
  case $(openssl version) in
    'OpenSSL '[3-9]*)
      printf %s "${manifest%.*}" >"$run/input" && echo "${manifest##*.}" | from_url >"$run/signature"
      printf -- '-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n' "$KEY" >"$run/pem"
      openssl pkeyutl -verify -rawin -pubin -inkey "$run/pem" -in "$run/input" -sigfile "$run/signature" \
        >"$run/error" 2>&1 || fail signature "the manifest is not signed by the product's key"
      ;;
    *) note "signature not checked: $(openssl version) is older than 3.0; digest pinned by user-data" ;;
  esac
  claims=$(echo "$manifest" | cut -d . -f 2 | from_url)
  version=$(echo "$claims" | field version) bytes=$(echo "$claims" | field size)
  case $version in '' | .* | *[!A-Za-z0-9.+_-]*) fail signature 'the manifest has no version that can name a folder' ;; esac
  [ "$(echo "$claims" | field aud)" = "$PRODUCT/package" ] || fail signature 'the manifest is of another product'
  expires=$(echo "$claims" | field exp)
  [ -z "$expires" ] || [ "$expires" -gt "$(date +%s)" ] || fail expired 'the manifest is no longer valid: publish the package again'
  release=$home/releases/$version package=$home/package try=0
  while [ "$(size "$package")" -lt "$bytes" ]; do
    [ "$(free_kib)" -gt $((bytes / 512)) ] || fail disk_full "a package of $bytes bytes needs twice that in $home"
    # A server that sends without end must not fill the disk: ulimit.
    (ulimit -f $((bytes / 512 + 16)) && fetch "$package" --fail -C - --speed-limit 1000 --speed-time 60 \
      "$SERVICE/api/v1/bootstrap/package" && echo "status=$status curl=$curl" >"$run/fetched")
    . "$run/fetched"
    case $status/$curl in
      2??/0) break ;;
      000/22) tried=$try && { ask package --range 0-0 || fail "$(refused_or network)" 'no package'; } && try=$tried ;;
      000/33 | 000/36) rm -f "$package" ;;
    esac
    [ "$(full_or ok)" = ok ] || { rm -f "$package" && fail disk_full "$home is full"; }
    pause || fail network "no package: $(head -n 1 "$run/error")"
  done
  [ "$(sha256 "$package")" = "$(echo "$claims" | field sha256)" ] || {
    rm -f "$package" && fail digest 'the package is not the one that was signed'
  }
  note "version $version, $bytes bytes, checked" && tell 'done'
}

install() {
  begin installing
  ask license || fail "$(refused_or network)" 'no license'
  mkdir -p "${SIGNET_LICENSE_FILE%/*}" && sed -n 's/^code //p' "$run/answer" >"$SIGNET_LICENSE_FILE"
  rm -rf "$release"
  (umask 022 && mkdir -p "$release" && tar -xf "$package" -C "$release") 2>"$run/error" ||
    fail "$(full_or install)" "the package cannot be unpacked: $(head -n 1 "$run/error")"
  printf %s "$PARAMETERS" | decode >"$run/parameters"
  while IFS= read -r line; do export "SIGNET_PARAM_$line"; done <"$run/parameters"
  attend "$INSTALL_SECONDS" "$(echo "$INSTALL" | decode)" || fail "$(full_or install)" "the installation failed with code $?"
  tell 'done'
}

activate() {
  begin activating
  {
    printf '%s\n' '#!/bin/sh' "SERVICE='$SERVICE' PRODUCT='$PRODUCT'" && cat <<'RENEW'
@RENEW@
RENEW
  } >"$home/renew.sh" && chmod 755 "$home/renew.sh" && try=0
  until sh "$home/renew.sh" now >"$run/output" 2>&1; do
    [ $? = 75 ] && pause || { cat "$run/output" >>"$run/log" && fail license 'no seat of the license'; }
  done
  unit=/etc/systemd/system/signet-$PRODUCT
  if [ -d /run/systemd/system ]; then
    printf '[Service]\nType=oneshot\nExecStart=/bin/sh %s/renew.sh\n' "$home" >"$unit.service"
    printf '[Timer]\nOnBootSec=1min\nOnUnitActiveSec=2min\nRandomizedDelaySec=15s\nAccuracySec=10s\n[Install]\nWantedBy=timers.target\n' >"$unit.timer"
    systemctl daemon-reload && systemctl enable --now "${unit##*/}.timer" 2>&1
  else
    note "no systemd: have $home/renew.sh run every 2 minutes"
  fi
  tell 'done' "activation=$(cat "/var/lib/signet/$PRODUCT/activation")"
}

healthy() {
  begin healthy
  limit=$(($(now) + HEALTH_SECONDS))
  until attend 20 "$(echo "$HEALTH" | decode)"; do
    [ "$(now)" -lt "$limit" ] || fail health "not healthy after $HEALTH_SECONDS seconds"
    tail -c 500 "$run/output" >"$run/log"
  done
  tell 'done'
}

# Something ends this script from outside.
leave() {
  code=$? && trap - EXIT HUP INT TERM
  [ "$code" -lt 129 ] || { patience=1 && note 'ended by a signal' && report failed reason=interrupted; }
  exit "$code"
}

main() {
  umask 077 && PATH=$PATH:/usr/sbin:/sbin run=/run/signet-$DEPLOYMENT home=/opt/signet/$PRODUCT auth='' patience=60 child=''
  [ ! "$PASSWORD" ] || echo "root:$PASSWORD" | chpasswd -e || echo "signet: root's password could not be set"
  [ "$(id -u)" = 0 ] || { echo 'signet: run this as root' && exit 1; }
  for tool in curl openssl awk sed; do
    command -v "$tool" >/dev/null || { echo "signet: $tool is missing: install it and start again" && exit 1; }
  done
  mkdir -p "$run" && (umask 022 && mkdir -p "$home" "/var/lib/signet/$PRODUCT")
  export SIGNET_PRODUCT="$PRODUCT" SIGNET_SERVER="$SERVICE" SIGNET_LICENSE_FILE="/etc/signet/$PRODUCT/license" \
    SIGNET_LEASE_FILE="/var/lib/signet/$PRODUCT/lease.jwt"
  touch "$run/log" && echo downloading >"$run/stage" && trap leave EXIT && trap 'exit 130' HUP INT TERM
  open_session || exit 1
  while :; do
    echo script >"$run/reason"
    # Not part of a condition: there `set -e` would mean nothing.
    set +e
    (
      trap kill_child EXIT
      set -e
      download
      install
      activate
      healthy
    )
    code=$?
    set -e
    case $code in
      0) rm -rf "$run" "$home/package" "$key" && echo 'signet: done' && exit 0 ;;
      3) exit 1 ;;
    esac
    # As long as a session holds, and through outages of the service: somebody may resume in hours.
    order=wait limit=$(($(now) + 10800)) && set -- failed "reason=$(cat "$run/reason")"
    until [ "$order" = again ]; do
      [ "$order" != stop ] && [ "$(now)" -lt "$limit" ] || exit 1
      if report "$@"; then set -- log; else case $status in 000 | 408 | 429 | 5??) ;; *) exit 1 ;; esac; fi
      case $order in again | stop) ;; *) sleep 10 ;; esac
    done
  done
}

set -eu
main "$@"
