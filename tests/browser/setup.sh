#!/usr/bin/env bash
# Installs what the browser tests need of npm, exactly as the lock file says, once per lock file.
set -euo pipefail
cd "$(dirname "$0")"

stamp=node_modules/installed.sum
wanted=$(sha256sum package-lock.json)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
echo "$wanted" > "$stamp"
