#!/bin/sh
# Runs inside the machine, without a sandbox: starts one unit after another, each on fresh folders, and writes down
# what became of it. A case is a folder in /run/shared/cases:
#
#   prepare   shell that makes what is there before
#   rules     of systemd-tmpfiles
#   check     shell that succeeds once the service has done its thing, run as root; `output` is what it printed
#   serves    is there when it goes on running, and is stopped after the check
#   tries     how often that is looked for
cd /run/shared/cases

for name in $(cat order); do
  for folder in /home /root /srv /opt /mnt /tmp /var/tmp /var/lib /var/cache /var/log; do
    umount -l "$folder" && mount -t tmpfs -o mode=755 tmpfs "$folder"
  done
  chmod 1777 /tmp /var/tmp
  rm -rf /dev/shm/*
  cd "/run/shared/cases/$name"
  sh -e ./prepare >prepared 2>&1 || { echo prepare >result; continue; }
  [ ! -s rules ] || systemd-tmpfiles --create "$PWD/rules" >>prepared 2>&1
  sh -e ./check >early 2>&1 && { echo early >result; continue; }
  systemctl start "$name.service" >started 2>&1
  tries=$(cat tries)
  while systemctl -q is-active "$name.service" && [ $tries -gt 0 ]; do
    if [ -e serves ] && sh -e ./check >checked 2>&1; then break; fi
    tries=$((tries - 1)) && sleep 0.05
  done
  if sh -e ./check >checked 2>&1; then done=done; else done=undone; fi
  systemctl stop "$name.service" >>started 2>&1
  echo "$done $(systemctl show -P Result "$name.service") $(systemctl show -P ExecMainStatus "$name.service")" >result
done
