#!/bin/sh
# Runs once in the new root file system, as root, after the files of rootfs/ were copied over it.
set -eu
groupadd --system nixbld
for i in 1 2 3 4; do
  useradd --system --gid nixbld --groups nixbld --home-dir /var/empty --shell /usr/sbin/nologin "nixbld$i"
done
mkdir -p /nix/store /nix/var/nix/profiles /nix/var/nix/gcroots /boot /var/empty
chgrp nixbld /nix/store
chmod 1775 /nix/store

# an ordinary user, whom nix-daemon does not trust, with a home that nobody else can look into
useradd --no-create-home --uid 1000 --user-group --shell /bin/bash ana
chown -R ana:ana /home/ana
chmod 0700 /home/ana

chmod 0755 /usr/local/sbin/boot-default
systemctl enable nix-daemon.socket
systemctl mask console-getty.service getty@.service systemd-logind.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer systemd-pstore.service
ssh-keygen -A
rm -f /etc/resolv.conf /etc/hostname /etc/machine-id
: > /etc/machine-id
touch /usr/local/bin/node /usr/local/bin/nixos-rebuild
# nothing to be brought up to date at a host's first boot
touch /etc/.updated /var/.updated
