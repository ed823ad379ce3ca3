set -eu
echo "building the system of ${root##*/}"
mkdir -p "$out/bin" "$out/etc/nixfleet"
cp "$agent/share/nixfleet/agent.json" "$out/etc/nixfleet/agent.json"
ln -s "$agent" "$out/agent"
{
  printf '#!/bin/sh\nout=%s root=%s exec "%s" %s "$@"\n' "$out" "$root" "$node" "$switchToConfiguration"
} > "$out/bin/switch-to-configuration"
chmod +x "$out/bin/switch-to-configuration"
