# The activation script of this generation: run at boot (there is no old generation then) and by switch-to-configuration.
# Units go to /run/systemd/system, so that a boot starts from an empty slate.
set -u
units=/run/systemd/system
mkdir -p "$units/multi-user.target.wants" /run/nixos
for link in "$units"/* "$units"/*/*; do
  case $(readlink "$link") in /nix/store/* | ../*) rm "$link" ;; esac
done
for unit in "$out"/etc/systemd/system/*; do
  [ -d "$unit" ] || ln -s "$unit" "$units/"
done
for link in "$out"/etc/systemd/system/*.wants/*; do
  [ -L "$link" ] && ln -s "../${link##*/}" "$units/multi-user.target.wants/"
done
ln -sfn "$out" /run/current-system.new
mv -T /run/current-system.new /run/current-system
