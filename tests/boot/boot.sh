#!/bin/bash
# boot.sh ROOTFS SCRIPT Ec2|OpenStack|SHELL OUT SERVICE [FILES]
#
# Boots a throw-away copy of ROOTFS (see rootfs.sh) with its real systemd, in namespaces of its own, and powers it off
# when SCRIPT has run:
#   Ec2, OpenStack  its real cloud-init fetches SCRIPT as user-data from a metadata server of that kind
#   SHELL           a shell's command line, such as `busybox sh`, runs SCRIPT, without cloud-init
# In there 198.51.100.10:80 is SERVICE, a host:port on this machine, reached through a socket file: nothing is added to
# this machine's network, and nothing else can be reached. FILES, a folder, is copied over the root first. OUT gets what
# the tests look at. BOOT_SECONDS (60) bounds it all, DISK_MIB (512) is the room on the root's disk.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")

if [ "${1-}" != --inside ]; then
  [ "$(id -u)" -eq 0 ] || { echo 'boot.sh: needs root' >&2; exit 1; }
  mkdir -p "$4"
  rootfs=$(readlink -f "$1") script=$(readlink -f "$2") how=$3 out=$(readlink -f "$4") service=$5
  files=${6:+$(readlink -f "$6")}
  python3 "$here/forward.py" "unix:$out/service.sock" "$service" &
  trap 'kill %1' EXIT
  # All processes and mounts within end with the namespaces, whatever happens here.
  code=0
  timeout --kill-after=5 "${BOOT_SECONDS:-60}" unshare --net --mount --pid --fork --kill-child --mount-proc \
    "$0" --inside "$rootfs" "$script" "$how" "$out" "$files" </dev/null >"$out/boot.log" 2>&1 || code=$?
  [ "$code" -eq 0 ] || { echo "boot.sh: it did not boot and end (code $code)" >&2; tail -n 40 "$out/boot.log" "$out/console.log" >&2; }
  exit "$code"
fi

shift
rootfs=$1 script=$2 how=$3 out=$4 files=$5
mount --make-rprivate /
mount -t tmpfs -o "size=${DISK_MIB:-512}m,mode=755" tmpfs /mnt
mkdir /mnt/{upper,work,root}
umount -R /sys/fs/cgroup 2>/dev/null || :
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t overlay overlay -o "lowerdir=$rootfs,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
root=/mnt/root

ip link set lo up
ip addr add 169.254.169.254/32 dev lo
ip addr add 198.51.100.10/32 dev lo
ip link add eth0 type bridge
ip addr add 169.254.169.10/16 dev eth0
ip link set eth0 up
python3 "$here/forward.py" 198.51.100.10:80 "unix:$out/service.sock" &
python3 "$here/metadata.py" "$how" "$script" "$out/metadata.log" &
until curl --silent --output /dev/null http://169.254.169.254/ && [ -S "$out/service.sock" ]; do sleep 0.05; done

after=cloud-final.service
case $how in
  Ec2 | OpenStack)
    cat >"$root/etc/cloud/cloud.cfg.d/99-test.cfg" <<X
datasource_list: [ $how ]
datasource:
  Ec2: { strict_id: false, timeout: 5, max_wait: 10 }
  OpenStack: { metadata_urls: ["http://169.254.169.254"], timeout: 5, max_wait: 10 }
network: { config: disabled }
growpart: { mode: "off" }
resize_rootfs: false
locale: false
X
    ;;
  *)
    touch "$root/etc/cloud/cloud-init.disabled"
    install -m 700 "$script" "$root/script"
    cat >"$root/etc/systemd/system/script.service" <<X
[Service]
Type=oneshot
ExecStart=$how /script
# As cloud-init's own: what the script leaves running goes on running.
KillMode=process
StandardOutput=file:/root/script.log
StandardError=inherit
[Install]
WantedBy=multi-user.target
X
    ln -s ../script.service "$root/etc/systemd/system/multi-user.target.wants/"
    after=script.service
    ;;
esac
cat >"$root/etc/systemd/system/last.service" <<X
[Unit]
After=$after multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /last
[Install]
WantedBy=multi-user.target
X
cat >"$root/last" <<'X'
[ -e /etc/cloud/cloud-init.disabled ] || cloud-init status --wait --long >/root/status 2>&1
systemctl --failed --no-legend --plain >/root/failed
systemctl list-timers --all --no-legend 'signet-*' >/root/timers
for unit in /etc/systemd/system/signet-*.service; do
  [ ! -e "$unit" ] || { systemctl start "${unit##*/}"; echo $?; } >/root/renewed
done
find /etc/signet /var/lib/signet /opt/signet /run/signet-* -printf '%m %y %p\n' >/root/files 2>/dev/null
busybox ps >/root/processes
curl --silent --max-time 5 http://127.0.0.1:8080/ >/root/served
systemctl poweroff --force
X
ln -s ../last.service "$root/etc/systemd/system/multi-user.target.wants/"
[ -z "$files" ] || cp -a "$files/." "$root/"

systemd-nspawn --quiet --register=no --keep-unit --directory="$root" --boot --machine=guest --console=pipe \
  --resolv-conf=off --timezone=off --setenv="product_name=OpenStack Nova" --link-journal=no \
  systemd.unified_cgroup_hierarchy=1 </dev/null >"$out/console.log" 2>&1
cp "$root"/root/* "$out/" 2>/dev/null || :
cp "$root/var/lib/cloud/data/result.json" "$root/var/log/cloud-init-output.log" "$out/" 2>/dev/null || :
grep ^root: "$root/etc/shadow" >"$out/shadow"
tar -C "$root" --ignore-failed-read -cf "$out/left.tar" etc/signet var/lib/signet opt/signet 2>/dev/null || :
