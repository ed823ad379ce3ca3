set -eu
mkdir -p "$out/bin" "$out/lib" "$out/share/nixfleet"
cp "$bundle" "$out/lib/agent.mjs"
cat > "$out/bin/nixfleet-agent" <<EOF
#!/bin/sh
exec /usr/local/bin/node $out/lib/agent.mjs "\$@"
EOF
chmod +x "$out/bin/nixfleet-agent"
cat > "$out/share/nixfleet/agent.json" <<EOF
{ "format": 1, "storePath": "$out", "version": "$version", "rev": "$rev", "protocol": 1 }
EOF
