#!/usr/bin/env bash
# Installs the Debian packages that are missing for the named purposes (build, test) when run as root; otherwise
# names the one line that does. Silent and quick when nothing is missing.
set -euo pipefail

packages=()
for purpose in "$@"; do
  case $purpose in
    build) packages+=(build-essential pkg-config libssl-dev) ;;
    test)
      packages+=(postgresql python3-venv curl openssl chromium fonts-noto-cjk)
      # Servers that really boot, in containers of systemd, and what looks at the script they run.
      packages+=(mmdebstrap systemd-container iproute2 zstd busybox shellcheck)
      # A Node.js of another source brings npm along, and Debian's would fight with it.
      command -v npm >/dev/null || packages+=(nodejs npm)
      ;;
    *) echo "setup.sh: unknown purpose '$purpose': build or test" >&2; exit 2 ;;
  esac
done

if ! command -v cargo >/dev/null; then
  echo 'A Rust toolchain is missing: install it with rustup (https://rustup.rs), then run this again.' >&2
  exit 1
fi
if ! command -v dpkg-query >/dev/null; then
  echo "This is no Debian: make sure that these are installed: ${packages[*]}" >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  if ! dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
    missing+=("$package")
  fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "Missing packages. Run:  sudo apt-get update && sudo apt-get install --yes ${missing[*]}" >&2
  exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2
apt-get install --yes --no-install-recommends --quiet=2 "${missing[@]}" >/dev/null
