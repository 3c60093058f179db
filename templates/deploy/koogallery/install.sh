#!/bin/bash
# Installs @PRODUCT@ @VERSION@ from the folder `bin` beside this one. Made by `signet package export`.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here/bin"
echo '@SHA256@  @FILE@' | sha256sum -c -
release=/opt/signet/@PRODUCT@/releases/@VERSION@
mkdir -p "$release"
tar -xzf '@FILE@' -C "$release"
cd "$release"
export SIGNET_PRODUCT='@PRODUCT@' SIGNET_SERVER='@SERVER@'
export SIGNET_LICENSE_FILE='/etc/signet/@PRODUCT@/license'
echo '@INSTALL@' | base64 -d > "$release/.signet-install"
sh "$release/.signet-install"
echo '@HEALTH@' | base64 -d > "$release/.signet-health"
left=@HEALTH_SECONDS@
until sh "$release/.signet-health"; do
    left=$((left - 5))
    [ "$left" -gt 0 ] || { echo "@PRODUCT@ did not become healthy" >&2; exit 1; }
    sleep 5
done
echo "@PRODUCT@ @VERSION@ is healthy"
