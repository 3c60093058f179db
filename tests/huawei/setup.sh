#!/usr/bin/env bash
# Makes the virtual environment of the cloud that plays Huawei Cloud, from the pinned list, once per list.
set -euo pipefail
cd "$(dirname "$0")"

stamp=.venv/installed.sum
wanted=$(sha256sum requirements.txt)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
  exit 0
fi
rm -rf .venv
python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
echo "$wanted" > "$stamp"
