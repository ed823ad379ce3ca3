# The activation of this generation, as nix-darwin's goes in what can be seen from outside: order, texts, exit codes, and that
# a job whose property list changed is unloaded and loaded (its modules/system/activation-scripts.nix, launchd.nix). Users and
# groups are made with the tools of the Linux host that stands in for a Mac.
set -e -o pipefail
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH USER=root LOGNAME=root HOME=/root
umask 0022
cd /

if [ "$(id -u)" != 0 ]; then
  echo "error: \`activate\` must be run as root" >&2
  exit 2
fi

# what standIn.fault asks for goes wrong at the point of the same name
fault() {
  [ "$faultAt" = "$1" ] || return 0
  if [ -n "$faultHang" ]; then
    echo "$1: waiting for a lock that nobody gives back" >&2
    exec sleep infinity
  fi
  echo "$1: something went wrong on purpose" >&2
  exit "$faultExit"
}

add_group() {
  getent group "$1" > /dev/null || {
    echo "creating group $1..." >&2
    groupadd --gid "$2" "$1"
  }
}

add_user() {
  id "$1" > /dev/null 2>&1 || {
    echo "creating user $1..." >&2
    useradd --uid "$2" --gid "$3" --home-dir "$4" --no-create-home --shell "$5" "$1"
  }
}

# files in the way of those of the generation are left alone, and end the activation before it has begun
check_etc() {
  local file target
  while IFS= read -r file; do
    target=/etc/$file
    if [ -e "$target" ] && [ "$(readlink "$target")" != "/etc/static/$file" ]; then
      printf 'error: Unexpected files in /etc, aborting activation\n  %s\n' "$target" >&2
      exit 2
    fi
  done < <(cd "$systemConfig/etc/" && find . -type l -printf '%P\n')
}

set_up_etc() {
  echo "setting up /etc..." >&2
  local file target
  ln -sfn "$(readlink -f "$systemConfig/etc")" /etc/static
  while IFS= read -r file; do
    target=/etc/$file
    mkdir -p "$(dirname "$target")"
    ln -sfn "/etc/static/$file" "$target"
  done < <(cd "$systemConfig/etc/" && find . -type l -printf '%P\n')
  # links of an older generation
  for target in /etc/* /etc/*/*; do
    case $(readlink "$target") in /etc/static/*) [ -e "$target" ] || rm "$target" ;; esac
  done
}

set_up_launchd() {
  echo "setting up launchd services..." >&2
  local plist name installed
  mkdir -p /Library/LaunchDaemons
  for plist in "$systemConfig"/Library/LaunchDaemons/*.plist; do
    [ -e "$plist" ] || continue
    name=$(basename "$plist")
    installed=/Library/LaunchDaemons/$name
    if ! cmp -s "$plist" "$installed"; then
      if [ -f "$installed" ]; then
        echo "reloading service ${name%.plist}" >&2
        launchctl unload "$installed" || true
      else
        echo "creating service ${name%.plist}" >&2
      fi
      cp -f "$plist" "$installed"
      launchctl load -w "$installed"
    fi
  done
  for plist in /run/current-system/Library/LaunchDaemons/*.plist; do
    [ -e "$plist" ] || continue
    name=$(basename "$plist")
    [ ! -e "$systemConfig/Library/LaunchDaemons/$name" ] || continue
    echo "removing service ${name%.plist}" >&2
    launchctl unload "/Library/LaunchDaemons/$name" || true
    rm -f "/Library/LaunchDaemons/$name"
  done
}

check_etc
fault before
echo "setting up groups..." >&2
add_groups
echo "setting up users..." >&2
add_users
set_up_etc
before_launchd
fault launchd
set_up_launchd
fault after
ln -sfn "$(readlink -f "$systemConfig")" /run/current-system
mkdir -p /nix/var/nix/gcroots
ln -sfn /run/current-system /nix/var/nix/gcroots/current-system
