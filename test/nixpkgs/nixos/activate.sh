# The activation script of this generation: run at boot (there is no old generation then) and by switch-to-configuration.
# Before it stands `out`, and `users_and_groups` which calls the three functions below. It starts few programs: that is most
# of the time it takes.
set -u
nl='
'
is_line() { case "$nl$2$nl" in *"$nl$1$nl"*) ;; *) return 1 ;; esac; }
begins_line() { case "$nl$2" in *"$nl$1"*) ;; *) return 1 ;; esac; }

# as update-users-groups.pl: makes who is missing, leaves who is there
people=$(cat /etc/passwd) groups=$(cat /etc/group)
group() { begins_line "$1:" "$groups" || groupadd --system "$1"; }
user() { # KIND NAME GROUP HOME DESCRIPTION
  begins_line "$2:" "$people" && return
  if [ "$1" = system ]; then
    useradd --system --gid "$3" --home-dir "$4" --no-create-home --shell /usr/sbin/nologin --comment "$5" "$2"
  else
    useradd --gid "$3" --home-dir "$4" --create-home --shell /bin/bash --comment "$5" "$2"
    chmod 0700 "$4"
  fi
}
member() { is_line "$2" "$(id --name --groups "$1" | tr ' ' '\n')" || usermod --append --groups "$2" "$1"; }
users_and_groups

# as setup-etc.pl: every file of etc/ is a link to /etc/static, which is a link to this generation's etc/
swap() { ln -sfn "$1" "$2.tmp" && mv -T "$2.tmp" "$2"; }
swap "$out/etc" /etc/static
there=$(find /etc -path /etc/static -prune -o -lname '/etc/static/*' -printf '%P\n')
wanted=$(find "$out/etc" -path "$out/etc/systemd" -prune -o -type l -printf '%P\n')
for file in $there; do
  is_line "$file" "$wanted" || rm "/etc/$file"
done
for file in $wanted; do
  is_line "$file" "$there" && continue
  case $file in */*) mkdir -p "/etc/${file%/*}" ;; esac
  swap "/etc/static/$file" "/etc/$file"
done

# units go to /run/systemd/system, so that a boot starts from an empty slate; on NixOS /etc/systemd/system is a link like
# the others, but here it is Debian's
units=/run/systemd/system
mkdir -p "$units" /run/nixos
find "$units" -type l -lname "${out%/*}/*" -delete
[ ! -d "$out/etc/systemd/system" ] || cp --recursive --symbolic-link "$out/etc/systemd/system/." "$units/"

swap "$out" /run/current-system
