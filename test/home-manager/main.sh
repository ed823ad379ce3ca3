# driver 0, or none named: this script sets the profile; 1: whoever calls it does
driverVersion=0
while [ $# -gt 0 ]; do
  if [ "$1" = --driver-version ] && [ "$genVersion" -ge 1 ] && [ $# -ge 2 ]; then
    driverVersion=$2
    shift 2
  else
    complain "$0: unknown option '$1'"
    exit 1
  fi
done

say "Starting Home Manager activation"
# makes the user's profile folder where there is none
nix-env -q > /dev/null 2>&1 || true
find_places
[ "$USER" = "$username" ] || { complain "Error: USER is set to \"$USER\" but we expect \"$username\"" && exit 1; }
[ "$HOME" -ef "$homeDirectory" ] || { complain "Error: HOME is set to \"$HOME\" but we expect \"$homeDirectory\"" && exit 1; }
mkdir -p "$roots"
trap 'rm -f "$roots/new-home"' EXIT
nix-store --realise "$newGenPath" --add-root "$roots/new-home" > /dev/null

say "Activating checkLinkTargets"
check_link_targets
fault before
say "Activating writeBoundary"
if [ "$driverVersion" -lt 1 ]; then
  if [ "$oldGenPath" != "$newGenPath" ]; then
    say "Creating new profile generation"
    nix-env --profile "$profile" --set "$newGenPath"
  else
    say "No change so reusing latest profile generation"
  fi
fi
say "Activating installPackages"
nix-env -i "$(readlink "$newGenPath/home-path")"
fault links
say "Activating linkGeneration"
link_generation
if [ -n "$isMac" ]; then
  say "Activating setupLaunchAgents"
  setup_agents
else
  say "Activating reloadSystemd"
  reload_units
fi
fault after
nix-store --realise "$newGenPath" --add-root "$roots/current-home" > /dev/null
rm -f "$legacyRoot"
