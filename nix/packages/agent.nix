# The agent, and the manifest that says who it is and that a generation carries as etc/nixfleet/agent.json
# (protocol/manifest.ts).
{
  lib,
  program,
  # the revision of the flake it is built from
  rev,
}:
program {
  name = "nixfleet-agent";
  bundle = "agent.mjs";
  description = "Updates a Nix host when an operator asks for it";
  attributes = {
    inherit rev;
    inherit (lib.importJSON ../bundles.json) protocol;
  };
  commands = ''
    mkdir -p "$out/share/nixfleet"
    cat > "$out/share/nixfleet/agent.json" <<EOF
    {
      "format": 1,
      "storePath": "$out",
      "version": "$version",
      "rev": "$rev",
      "protocol": $protocol
    }
    EOF
  '';
}
