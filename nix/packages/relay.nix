# The relay: bin/nixfleet-relay.
{
  lib,
  runCommand,
  runtimeShell,
  nodejs_24,
  bundles,
}:
let
  inherit (lib.importJSON ../bundles.json) version;
in
runCommand "nixfleet-relay-${version}"
  {
    pname = "nixfleet-relay";
    inherit version;
    meta = {
      description = "What the hosts of a fleet and the people who update them connect to";
      homepage = "https://github.com/nixfleet/nixfleet";
      license = lib.licenses.mit;
      mainProgram = "nixfleet-relay";
      platforms = lib.platforms.unix;
    };
  }
  ''
    mkdir -p "$out/bin" "$out/lib"
    cp ${bundles}/relay.mjs "$out/lib/relay.mjs"
    cat > "$out/bin/nixfleet-relay" <<EOF
    #!${runtimeShell}
    exec ${nodejs_24}/bin/node $out/lib/relay.mjs "\$@"
    EOF
    chmod +x "$out/bin/nixfleet-relay"
  ''
