#!/bin/sh
# Starts systemd as the first process of a machine made of namespaces. The root file system is this machine's, with
# everything that is written kept in memory; processes, mounts, network, host name and control groups are its own.
#
#   unshare --mount --propagation private boot.sh FOLDER SYSTEMD SECONDS
#
# FOLDER holds what test runs hand over, and gets what they find; it is /run/shared in the machine.
set -eu
if [ "${4-}" != inside ]; then
  # In a control group of its own, so that systemd touches none of this machine's.
  mkdir "$1/own" && mount -t tmpfs -o mode=755 tmpfs "$1/own"
  mkdir "$1/own/groups" && mount -t cgroup2 cgroup2 "$1/own/groups"
  group="$1/own/groups$(sed -n 's/^0:://p' /proc/self/cgroup)/sandbox-$$"
  mkdir "$group"
  code=0
  timeout -k 1 "$3" sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$group" \
    unshare --mount --cgroup --ipc --uts --net --pid --fork --kill-child "$0" "$1" "$2" "$3" inside || code=$?
  # Ended processes may be counted for a moment still.
  tries=50
  until find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null; [ ! -d "$group" ] || [ $tries = 0 ]; do
    tries=$((tries - 1)) && sleep 0.1
  done
  exit $code
fi

own=$1/own root=$1/own/root
mkdir "$own/upper" "$own/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$own/upper,workdir=$own/work" overlay "$root"
mkdir -p "$root/nix/store" "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/etc"
mount --bind "$1/store" "$root/nix/store"

mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o nosuid,nodev,noexec,ro sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"

# Devices that are there on every machine, and one that no sandbox expects: a meter that gives zeros.
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
for node in null:3 zero:5 full:7 random:8 urandom:9 meter:5; do
  mknod -m 666 "$root/dev/${node%:*}" c 1 "${node#*:}"
done
mknod -m 666 "$root/dev/tty" c 5 0
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "$root/dev/${number#*:}"; done

mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
mkdir -p "$root/run/shared" "$root/run/systemd" "$root/run/lock"
mount --bind "$1" "$root/run/shared"
cp -r "$1/units" "$root/run/units"
for folder in home root srv opt mnt tmp var/tmp var/lib var/cache var/log; do
  mkdir -p "$root/$folder" && mount -t tmpfs tmpfs "$root/$folder"
done
printf '%s\n' 'figures:x:960:960::/var/empty:/bin/sh' >>"$root/etc/passwd"
printf '%s\n' 'figures:x:960:' >>"$root/etc/group"

cd "$root"
mkdir -p old
pivot_root . old
exec chroot . /bin/sh -c 'umount -l /old && mount --make-rshared / && cd / && exec env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin container=test \
  SYSTEMD_UNIT_PATH=/run/units "$0" --system --unit=machine.target --log-target=console --show-status=no' "$2"
