# The packages beside those of nixpkgs: nixfleet-agent, nixfleet-relay, nixfleet-extension.
{
  # the revision that the agent says it is of
  rev,
}:
final: _prev:
let
  bundles = final.callPackage ./bundles.nix { };
  program = final.callPackage ./packages/program.nix { inherit bundles; };
in
{
  nixfleet-agent = final.callPackage ./packages/agent.nix { inherit program rev; };
  nixfleet-relay = final.callPackage ./packages/relay.nix { inherit program; };
  nixfleet-extension = final.callPackage ./packages/extension.nix { inherit bundles; };
}
