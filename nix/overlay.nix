# The packages beside those of nixpkgs: nixfleet-agent, nixfleet-relay, nixfleet-extension.
{
  # the revision that the agent says it is of
  rev,
}:
final: _prev:
let
  bundles = final.callPackage ./bundles.nix { };
in
{
  nixfleet-agent = final.callPackage ./packages/agent.nix { inherit bundles rev; };
  nixfleet-relay = final.callPackage ./packages/relay.nix { inherit bundles; };
  nixfleet-extension = final.callPackage ./packages/extension.nix { inherit bundles; };
}
