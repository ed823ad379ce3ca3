# The modules as the flake hands them out: `import ./nix/modules self`. Each has this flake's own package as the default of
# its option `package`, and is one module however often a configuration imports it.
self:
let
  withPackage = service: output: file: {
    key = "nixfleet:${toString file}";
    _file = toString file;
    imports = [
      file
      (
        { lib, pkgs, ... }:
        {
          _file = toString file;
          services.${service}.package =
            lib.mkDefault
              self.packages.${pkgs.stdenv.hostPlatform.system}.${output};
        }
      )
    ];
  };
in
{
  nixosModules = {
    agent = withPackage "nixfleet-agent" "agent" ./nixos/agent.nix;
    relay = withPackage "nixfleet-relay" "relay" ./nixos/relay.nix;
  };
  homeModules.agent = withPackage "nixfleet-agent" "agent" ./home-manager/agent.nix;
  darwinModules.agent = withPackage "nixfleet-agent" "agent" ./nix-darwin/agent.nix;
}
