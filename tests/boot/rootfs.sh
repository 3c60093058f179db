#!/bin/sh
# Prints the path of an unpacked Debian 12 with systemd and cloud-init, for tests to boot throw-away copies of. Built
# once (a minute or two), kept packed in the user's cache folder, unpacked once per start of this machine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
for tool in mmdebstrap zstd flock systemd-nspawn; do
  command -v "$tool" >/dev/null || { echo "rootfs.sh: $tool is missing: run deploy/setup.sh test as root" >&2; exit 1; }
done
[ "$(id -u)" -eq 0 ] || { echo 'rootfs.sh: booting a server needs root with CAP_SYS_ADMIN: run the tests as root' >&2; exit 1; }

# What is built depends on this file alone, so its digest names the result.
name=$(sha256sum <"$here/rootfs.sh" | cut -c 1-16)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/signet-test
mkdir -p "$cache"
root=${TMPDIR:-/tmp}/signet-boot-rootfs-$name
exec 9>"$cache/rootfs.lock"
flock 9

if [ ! -e "$root/.complete" ]; then
  rm -rf "$root" && mkdir -p "$root" && chmod 755 "$root"
  packed=$cache/rootfs-$name.tar.zst
  if [ ! -e "$packed" ]; then
    echo 'rootfs.sh: building the root of the test servers, once' >&2
    rm -f "$cache"/rootfs-*.tar.zst
    mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' \
      --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
      --include=cloud-init,curl,ca-certificates,iproute2,netbase,openssl,systemd-sysv,dbus,passwd,busybox \
      bookworm "$packed.part.tar" "${APT_SOURCES:-/etc/apt/sources.list.d/debian.sources}" >&2
    zstd --quiet --rm -3 "$packed.part.tar" -o "$packed.part"
    mv "$packed.part" "$packed"
  fi
  # Devices are the container's own.
  zstd --quiet --decompress --stdout "$packed" | tar -C "$root" --numeric-owner --exclude='./dev/*' -x
  : >"$root/.complete"
fi
echo "$root"
