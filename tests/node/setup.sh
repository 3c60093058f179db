#!/usr/bin/env bash
# Installs what the Node example needs, from its lock file, once per list.
set -euo pipefail
cd "$(dirname "$0")/../../examples/node"

stamp=node_modules/installed.sum
wanted=$(sha256sum package-lock.json)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi
npm ci --silent --ignore-scripts --no-audit --no-fund
echo "$wanted" > "$stamp"
