# The activation of this generation, as Home Manager's goes in what can be seen from outside: order, texts, exit codes, where
# profile and roots lie (its modules/home-environment.nix, files.nix, lib-bash/activation-init.sh).
set -eu -o pipefail
cd "$HOME"

say() { printf '%s\n' "$*"; }
complain() { printf '%s\n' "$*" >&2; }

# what standIn.fault asks for goes wrong at the point of the same name
fault() {
  [ "$faultAt" = "$1" ] || return 0
  if [ -n "$faultHang" ]; then
    say "$1: waiting for a lock that nobody gives back"
    exec sleep infinity
  fi
  complain "$1: something went wrong on purpose"
  exit "$faultExit"
}

find_places() {
  local state=${XDG_STATE_HOME:-$HOME/.local/state} nixState=${NIX_STATE_DIR:-/nix/var/nix}
  local profiles=$nixState/profiles/per-user/$USER
  if [ -d "$state/nix/profiles" ]; then
    profiles=$state/nix/profiles
  elif [ ! -d "$profiles" ]; then
    complain "Could not find suitable profile directory, tried $state/nix/profiles and $profiles"
    exit 1
  fi
  profile=$profiles/home-manager
  roots=$state/home-manager/gcroots
  legacyRoot=$nixState/gcroots/per-user/$USER/current-home
  # the generation before: that whose activation came to its end last; before 25.11 that of the profile
  local last=$roots/current-home
  [ "$genVersion" -ge 1 ] || last=$profile
  oldGenPath=
  [ ! -e "$last" ] || oldGenPath=$(readlink -e "$last")
}

# our_link PATH: a link into a generation's home-files
our_link() {
  case $(readlink "$1") in /nix/store/*-home-manager-files/*) ;; *) return 1 ;; esac
}

files_of() { [ -z "$1" ] || (cd "$1/home-files" && find . '(' -type f -or -type l ')' -printf '%P\n'); }

check_link_targets() {
  local file collision=
  while IFS= read -r file; do
    if [ -e "$HOME/$file" ] && ! our_link "$HOME/$file"; then
      complain "Existing file '$HOME/$file' is in the way of '$newGenPath/home-files/$file'"
      collision=1
    fi
  done < <(files_of "$newGenPath")
  [ -z "$collision" ] || exit 1
}

link_generation() {
  local file newFiles
  newFiles=$(readlink -e "$newGenPath/home-files")
  say "Cleaning up orphan links from $HOME"
  while IFS= read -r file; do
    if [ ! -e "$newFiles/$file" ] && our_link "$HOME/$file"; then
      rm "$HOME/$file"
      [ "$(dirname "$file")" = . ] || rmdir -p --ignore-fail-on-non-empty "$(dirname "$file")"
    fi
  done < <(files_of "$oldGenPath")
  say "Creating home file links in $HOME"
  while IFS= read -r file; do
    mkdir -p "$(dirname "$HOME/$file")"
    ln -Tsf "$newFiles/$file" "$HOME/$file"
  done < <(files_of "$newGenPath")
}
