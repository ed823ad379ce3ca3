set -eu
mkdir -p "$out/bin" "$out/lib" "$out/share/nixfleet"
cp "$bundle" "$out/lib/agent.mjs"
printf '#!/bin/sh\nexec "%s" %s/lib/agent.mjs "$@"\n' "$node" "$out" > "$out/bin/nixfleet-agent"
chmod +x "$out/bin/nixfleet-agent"
cat > "$out/share/nixfleet/agent.json" <<EOF
{ "format": 1, "storePath": "$out", "version": "$version", "rev": "$rev", "protocol": 1 }
EOF
