# As NixOS' own in what can be seen from outside: the actions, the order of things, the texts, the exit codes
# (1 refused or broken, 2 the activation script failed, 3 systemd did not reload, 4 some unit failed), and that a changed
# unit is restarted once at the end (stopIfChanged = false). Knows X-RestartIfChanged and X-StopOnRemoval.
# /boot/default is what the bootloader's default entry is there.
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

# what faults.json asks for goes wrong at the point of the same name
fault() {
  [ "$faultAt" = "$1" ] || return 0
  if [ -n "$faultHang" ]; then
    echo "$1: waiting for a lock that nobody gives back"
    exec sleep infinity
  fi
  echo "$2"
  exit "${faultExit:-1}"
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
unit_file() { echo "$1/etc/systemd/system/$(echo "$2" | sed 's/@.*\.service$/@.service/')"; }
says() { grep -qix "$2" "$1" 2> /dev/null; }

# what is to be done, for every unit that runs or is wanted
stop= restart= start=
active=$(systemctl list-units --plain --no-legend --type=service --state=active,activating,reloading,failed | cut -d' ' -f1)
for unit in $active; do
  before=$(unit_file "$old" "$unit") after=$(unit_file "$out" "$unit")
  [ -n "$old" ] && [ -e "$before" ] || continue
  if [ ! -e "$after" ]; then
    says "$before" X-StopOnRemoval=false || stop="$stop $unit"
  elif ! cmp -s "$before" "$after"; then
    says "$after" X-RestartIfChanged=false || restart="$restart $unit"
  fi
done
for link in "$out"/etc/systemd/system/multi-user.target.wants/*; do
  unit=${link##*/}
  [ -L "$link" ] || continue
  case " $(echo $active) " in *" $unit "*) ;; *) start="$start $unit" ;; esac
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

result=0
fault before "Error: Failed to get unit information from systemd"
list "stopping the following units" $stop
[ -z "$stop" ] || systemctl stop -- $stop

echo "activating the configuration..."
"$out/activate" || result=2
if [ "$faultAt" = script ]; then
  [ -z "$faultHang" ] || fault script
  echo "Activation script snippet 'users' failed (${faultExit:-1})"
  result=2
fi
systemctl daemon-reload || result=3

list "restarting the following units" $restart
[ -z "$restart" ] || systemctl restart -- $restart || result=4
list "starting the following units" $start
[ -z "$start" ] || systemctl start -- $start || result=4
fault after "Error: activation was interrupted"

# a unit that waits to be restarted after a failed start counts as failed too
failed=$(systemctl list-units --plain --no-legend --state=failed | cut -d' ' -f1)
for unit in $restart $start; do
  if [ "$(systemctl show -P SubState "$unit")" = auto-restart ] && [ "$(systemctl show -P ExecMainStatus "$unit")" != 0 ]; then
    failed="$failed $unit"
  fi
done
if [ -n "$failed" ]; then
  list "warning: the following units failed" $failed
  systemctl status --no-pager --full -- $failed
  result=4
fi
exit $result
