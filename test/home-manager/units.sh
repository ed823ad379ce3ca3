# What sd-switch does with a user's units: those that changed are stopped before and started after the reload, unless
# X-SwitchMethod names another way; those that are gone are stopped; new ones that an active target wants are started.

key() { sed -n "s/^$2=//p" "$1" 2> /dev/null | tail -n 1; }

# words LIST...: as sd-switch prints them
words() {
  local text
  text=$(printf ', %s' "$@")
  printf '%s' "${text#, }"
}

reload_units() {
  export XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
  local status unit old new
  status=$(systemctl --user is-system-running 2>&1 || true)
  case $status in
    running) ;;
    degraded)
      complain "The user systemd session is degraded:"
      systemctl --user --no-pager --state=failed
      complain "Attempting to reload services anyway..."
      ;;
    *)
      say "User systemd daemon not running. Skipping reload."
      return
      ;;
  esac
  old=${oldGenPath:+$oldGenPath/home-files/$unitsFolder} new=$newGenPath/home-files/$unitsFolder
  local -a stop=() restart=() reload=() start=()

  for unit in ${old:+"$old"/*.service}; do
    [ -e "$unit" ] || continue
    unit=${unit##*/}
    case $(systemctl --user show -P ActiveState "$unit") in active | activating | reloading | failed) ;; *) continue ;; esac
    if [ ! -e "$new/$unit" ]; then
      stop+=("$unit")
    elif ! cmp -s "$old/$unit" "$new/$unit"; then
      case $(key "$new/$unit" X-SwitchMethod) in
        keep-old) ;;
        restart) restart+=("$unit") ;;
        reload) reload+=("$unit") ;;
        *)
          [ "$(key "$new/$unit" X-RestartIfChanged)" = false ] || {
            stop+=("$unit")
            start+=("$unit")
          }
          ;;
      esac
    fi
  done
  for unit in "$new"/*.target.wants/*.service; do
    [ -e "$unit" ] || continue
    local target=${unit%.wants/*}
    unit=${unit##*/}
    [ -z "$old" ] || [ ! -e "$old/$unit" ] || continue
    [ "$(systemctl --user is-active "${target##*/}")" != active ] || start+=("$unit")
  done

  if [ ${#stop[@]} -gt 0 ]; then
    say "Stopping units: $(words "${stop[@]}")"
    systemctl --user stop -- "${stop[@]}"
  fi
  systemctl --user daemon-reload
  if [ ${#reload[@]} -gt 0 ]; then
    say "Reloading units: $(words "${reload[@]}")"
    systemctl --user reload -- "${reload[@]}"
  fi
  if [ ${#restart[@]} -gt 0 ]; then
    say "Restarting units: $(words "${restart[@]}")"
    systemctl --user restart -- "${restart[@]}"
  fi
  if [ ${#start[@]} -gt 0 ]; then
    say "Starting units: $(words "${start[@]}")"
    systemctl --user start -- "${start[@]}"
  fi
}
