# What Home Manager does with a user's launchd jobs. $unloadedAgent says what becomes of one that launchd does not load, which
# has changed over its versions; see standIn.unloadedAgent in generation.nix.

# domain_of GENERATION LABEL: where launchd has, or is to have, that job
domain_of() {
  echo "$(cat "$1/LaunchAgentDomains/$2.domain" 2> /dev/null || echo gui)/$(id -u)"
}

# boot_out DOMAIN LABEL
boot_out() {
  local said wait=
  # macOS 26 and later can wait until the job is gone
  [ "$(/usr/bin/sw_vers --productVersion | cut -d. -f1)" -lt 26 ] || wait=--wait
  if said=$(/bin/launchctl bootout $wait "$1/$2" 2>&1); then
    [ -n "$wait" ] || sleep 1
    bootedOut=1
  else
    case $said in *"No such process"*) ;; *) complain "Failed to stop agent '$1/$2': $said" && return 1 ;; esac
  fi
}

# load DOMAIN PLIST LABEL
load() {
  local said
  install -Dm444 -T "$2" "$agents/$3.plist"
  said=$(/bin/launchctl bootstrap "$1" "$agents/$3.plist" 2>&1) && return 0
  case $said in
    *"Bootstrap failed: 5: Input/output error"*)
      complain "Failed to start agent '$1/$3' with I/O error (code 5)"
      ;;
    *) complain "Failed to start agent '$1/$3' with error: $said" ;;
  esac
  return 1
}

setup_agents() {
  local plist label domain oldDomain bootedOut result=0
  agents=$HOME/Library/LaunchAgents
  mkdir -p "$agents"
  for plist in "$newGenPath"/LaunchAgents/*.plist; do
    [ -e "$plist" ] || continue
    label=$(basename "$plist" .plist)
    domain=$(domain_of "$newGenPath" "$label") oldDomain=$(domain_of "$oldGenPath" "$label")
    bootedOut=
    if cmp -s "$plist" "$agents/$label.plist" && [ "$domain" = "$oldDomain" ]; then
      if [ "$unloadedAgent" != restores ] || /bin/launchctl print "$domain/$label" > /dev/null 2>&1; then continue; fi
    fi
    if [ -f "$agents/$label.plist" ]; then
      boot_out "$oldDomain" "$label" || {
        result=1
        [ "$unloadedAgent" = ignores ] || continue
      }
    fi
    if ! load "$domain" "$plist" "$label"; then
      case $unloadedAgent in
        aborts) exit 5 ;;
        ignores) ;;
        restores)
          result=1
          if [ -n "$bootedOut" ] && [ -f "$oldGenPath/LaunchAgents/$label.plist" ]; then
            complain "Restoring previous agent '$oldDomain/$label'"
            load "$oldDomain" "$oldGenPath/LaunchAgents/$label.plist" "$label" || true
          fi
          ;;
      esac
    fi
  done
  for plist in ${oldGenPath:+"$oldGenPath"/LaunchAgents/*.plist}; do
    [ -e "$plist" ] || continue
    label=$(basename "$plist" .plist)
    if [ -e "$newGenPath/LaunchAgents/$label.plist" ] || [ ! -e "$agents/$label.plist" ]; then continue; fi
    if ! cmp -s "$plist" "$agents/$label.plist"; then
      complain "Skipping deletion of '$agents/$label.plist', since its contents have diverged"
      continue
    fi
    boot_out "$(domain_of "$oldGenPath" "$label")" "$label" || result=1
    rm -f "$agents/$label.plist"
  done
  if [ "$unloadedAgent" = restores ] && [ $result != 0 ]; then
    complain "Failed to activate one or more LaunchAgents"
    exit 1
  fi
}
