# As NixOS' own in what can be seen from outside: the actions, the order of things, the texts, the exit codes
# (1 refused or broken, 2 the activation script failed, 3 systemd did not reload, 4 some unit failed), and what becomes of a
# unit that changed, went or came ("Unit handling" in the manual of NixOS). Knows services, timers, paths and targets, and
# X-RestartIfChanged, X-StopIfChanged, X-StopOnRemoval. /boot/default is what the bootloader's default entry is there.
# Before it stand `out` and what goes wrong on purpose.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
exec >&2
action=${1-}
case $action in
  switch | boot | test | dry-activate) ;;
  *)
    echo "Usage: $0 [switch|boot|test|dry-activate]"
    exit 1
    ;;
esac

# what is to go wrong does so at the point of the same name
fault() {
  [ "$faultAt" = "$1" ] || return 0
  if [ -n "$faultHold" ]; then
    while [ -e "$faultHold" ]; do sleep 0.1; done
    return 0
  fi
  if [ -n "$faultHang" ]; then
    echo "$1: waiting for a lock that nobody gives back"
    exec sleep infinity
  fi
  echo "$2"
  exit "$faultExit"
}

mkdir -p /run/nixos
exec 9> /run/nixos/switch-to-configuration.lock
flock --nonblock 9 || { echo "Could not acquire lock"; exit 1; }

if [ "$action" != boot ] && [ "$action" != dry-activate ] && [ "${NIXOS_NO_CHECK-}" != 1 ]; then
  fault check "Found diff in switch inhibitors:

The new configuration contains changes to packages that were
listed as switch inhibitors.

Pre-switch check 'switchInhibitors' failed
Pre-switch checks failed"
fi

if [ "$action" = switch ] || [ "$action" = boot ]; then
  fault bootloader "Failed to install bootloader"
  ln -sfn "$out" /boot/default.new
  sync -f /boot
  mv -T /boot/default.new /boot/default
  sync -f /boot
  [ "$action" = switch ] || exit 0
fi

old=$(readlink -e /run/current-system)
says() { grep -qix "$2" "$1" 2> /dev/null; }
is_in() { # UNIT UNITS
  for each in $2; do [ "$each" != "$1" ] || return 0; done
  return 1
}

# an instance's file is its template's
file_of() { case $1 in *@*) file=${1%%@*}@.${1##*.} ;; *) file=$1 ;; esac; }
# what an activation that was interrupted had still to do: the units that it changed look as they should by now
left_over() {
  [ ! -e "/run/nixos/$1-list" ] || while read -r unit; do
    file_of "$unit"
    [ ! -e "$out/etc/systemd/system/$file" ] || echo "$unit"
  done < "/run/nixos/$1-list"
}

# what is to be done, for every unit that runs or is wanted
stop= restart=$(left_over restart) start=$(left_over start)
active=$(systemctl list-units --plain --no-legend --type=service,timer,path,target \
  --state=active,activating,reloading,failed | cut -d' ' -f1 | tr '\n' ' ')
for unit in $active; do
  file_of "$unit"
  before=$old/etc/systemd/system/$file after=$out/etc/systemd/system/$file
  [ -n "$old" ] && [ -e "$before" ] || continue
  if [ ! -e "$after" ]; then
    says "$before" X-StopOnRemoval=false || stop="$stop $unit"
  elif cmp -s "$before" "$after" || [ "${unit##*.}" = path ]; then
    : # systemd itself takes over what changed in a path unit
  elif says "$after" X-RestartIfChanged=false || says "$after" RefuseManualStop=true; then
    :
  elif is_in "$unit" "$restart $start"; then
    :
  elif says "$after" X-StopIfChanged=false; then
    restart="$restart $unit"
  else
    stop="$stop $unit" start="$start $unit"
  fi
done
for link in "$out"/etc/systemd/system/*.wants/* "$out"/etc/systemd/system/*.requires/*; do
  unit=${link##*/}
  [ -L "$link" ] && ! is_in "$unit" "$active $start" && start="$start $unit"
done
# list TEXT UNIT...: nothing for no units
list() {
  text=$1
  shift
  [ $# -eq 0 ] || { units=$(printf ', %s' "$@") && echo "$text: ${units#, }"; }
}
if [ "$action" = dry-activate ]; then
  list "would stop the following units" $stop
  echo "would activate the configuration..."
  list "would restart the following units" $restart
  list "would start the following units" $start
  exit 0
fi

fault before "Error: Failed to get unit information from systemd"
printf '%s\n' $restart > /run/nixos/restart-list
printf '%s\n' $start > /run/nixos/start-list

result=0
list "stopping the following units" $stop
[ -z "$stop" ] || systemctl stop -- $stop

echo "activating the configuration..."
"$out/activate" || result=2
if [ "$faultAt" = script ]; then
  [ -z "$faultHang" ] || fault script
  echo "Activation script snippet 'users' failed ($faultExit)"
  result=2
fi
systemctl reset-failed
systemctl daemon-reload || result=3
for file in "$out"/etc/tmpfiles.d/*.conf; do
  [ ! -e "$file" ] || systemd-tmpfiles --create --remove "$file" || result=4
done

list "restarting the following units" $restart
[ -z "$restart" ] || systemctl restart -- $restart || result=4
rm /run/nixos/restart-list
list "starting the following units" $start
[ -z "$start" ] || systemctl start -- $start || result=4
rm /run/nixos/start-list
fault after "Error: activation was interrupted"

# a unit that waits to be restarted after a failed start counts as failed too
failed=$(systemctl list-units --plain --no-legend --state=failed | cut -d' ' -f1)
if [ -n "$restart$start" ]; then
  failed="$failed $(systemctl show --property=Id,SubState,ExecMainStatus $restart $start |
    awk -F= '/^Id=/ {id=$2} /^SubState=/ {sub_=$2} /^ExecMainStatus=/ {status=$2}
      function tell() { if (sub_ == "auto-restart" && status != 0) print id; id = sub_ = status = "" }
      /^$/ {tell()} END {tell()}')"
fi
if [ -n "${failed# }" ]; then
  list "warning: the following units failed" $failed
  systemctl status --no-pager --full -- $failed
  result=4
fi
exit $result
