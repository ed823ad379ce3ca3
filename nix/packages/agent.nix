# The agent: bin/nixfleet-agent, its bundle, and the manifest that says who it is and that a generation carries as
# etc/nixfleet/agent.json (protocol/manifest.ts).
{
  lib,
  runCommand,
  runtimeShell,
  nodejs_24,
  bundles,
  # the revision of the flake it is built from
  rev,
}:
let
  inherit (lib.importJSON ../bundles.json) version protocol;
in
runCommand "nixfleet-agent-${version}"
  {
    pname = "nixfleet-agent";
    inherit version rev protocol;
    meta = {
      description = "Updates a Nix host when an operator asks for it";
      homepage = "https://github.com/nixfleet/nixfleet";
      license = lib.licenses.mit;
      mainProgram = "nixfleet-agent";
      platforms = lib.platforms.unix;
    };
  }
  ''
    mkdir -p "$out/bin" "$out/lib" "$out/share/nixfleet"
    cp ${bundles}/agent.mjs "$out/lib/agent.mjs"
    cat > "$out/bin/nixfleet-agent" <<EOF
    #!${runtimeShell}
    exec ${nodejs_24}/bin/node $out/lib/agent.mjs "\$@"
    EOF
    chmod +x "$out/bin/nixfleet-agent"
    cat > "$out/share/nixfleet/agent.json" <<EOF
    {
      "format": 1,
      "storePath": "$out",
      "version": "$version",
      "rev": "$rev",
      "protocol": $protocol
    }
    EOF
  ''
