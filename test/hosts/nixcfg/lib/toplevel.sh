set -eu
units="$out/etc/systemd/system"
mkdir -p "$out/bin" "$out/sw/bin" "$units/multi-user.target.wants"
ln -s /usr/local/bin/nixos-rebuild "$out/sw/bin/nixos-rebuild"
printf '%s\n' "${name#nixos-system-$hostName-}" > "$out/nixos-version"
printf '{ "configurationRevision": "%s" }\n' "$configurationRevision" > "$out/configuration.json"
[ -z "$work" ] || ln -s "$work" "$out/work"

wanted() { ln -s "../$1" "$units/multi-user.target.wants/$1"; }

if [ -n "$agent" ]; then
  mkdir -p "$out/etc/nixfleet"
  cp "$agent/share/nixfleet/agent.json" "$out/etc/nixfleet/agent.json"
  case $agentKind in
    normal) exec="$agent/bin/nixfleet-agent serve" ;;
    crash) exec="/bin/sh -c 'echo the agent cannot start >&2; exit 1'" ;;
    mute) exec="/bin/sleep infinity" ;;
    missing) exec="$agent/bin/nixfleet-agent-that-is-not-there serve" ;;
    *) echo "faults.json: no such agent: $agentKind" >&2; exit 1 ;;
  esac
  cat > "$units/nixfleet-agent.service" <<EOF
[Unit]
Description=NixFleet agent
StartLimitIntervalSec=0

[Service]
Environment="HOME=/root"
Environment="PATH=/run/current-system/sw/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ExecStart=$exec
Restart=always
RestartSec=1
TimeoutStopSec=10
EOF
  wanted nixfleet-agent.service
fi

tab=$(printf '\t')
printf '%s' "$extraUnits" | while IFS=$tab read -r unit command || [ -n "$unit" ]; do
  cat > "$units/$unit" <<EOF
[Unit]
Description=$unit

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$command
EOF
  wanted "$unit"
done

script() {
  { printf '#!/bin/sh\nout=%s\nfaultAt=%s\nfaultExit=%s\nfaultHang=%s\n' "$out" "$faultAt" "$faultExit" "$faultHang"; cat "$1"; } > "$2"
  chmod +x "$2"
}
script "$activate" "$out/activate"
script "$switchToConfiguration" "$out/bin/switch-to-configuration"
