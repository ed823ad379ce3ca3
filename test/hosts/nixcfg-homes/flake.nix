{
  description = "The homes and Macs";

  inputs.nixpkgs.url = "@nixpkgs@";
  inputs.home-manager.url = "@home-manager@";
  inputs.nix-darwin.url = "@nix-darwin@";
  inputs.nix-darwin.inputs.nixpkgs.follows = "nixpkgs";
  inputs.nixfleet.url = "@nixfleet@";
  inputs.nixfleet.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    {
      nixpkgs,
      home-manager,
      nix-darwin,
      nixfleet,
      ...
    }:
    let
      inherit (nixpkgs) lib;
      linux = nixpkgs.legacyPackages."@system@";
      # hosts/NAME.json says what a host is and what is wrong with it
      hosts = lib.genAttrs (builtins.fromJSON (builtins.readFile ./hosts.json)) (
        name: lib.importJSON (./hosts + "/${name}.json")
      );
      of = kind: lib.filterAttrs (_: host: host.kind == kind) hosts;
      home =
        pkgs: name: host:
        home-manager.lib.homeManagerConfiguration {
          inherit pkgs;
          modules = [
            nixfleet.homeModules.agent
            (import ./home.nix name host)
          ];
        };
    in
    {
      homeConfigurations =
        lib.mapAttrs (home linux) (of "linux-home")
        // lib.mapAttrs (home (home-manager.lib.asMac linux)) (of "mac-home");

      darwinConfigurations = lib.mapAttrs (
        name: host:
        nix-darwin.lib.darwinSystem {
          system = "@system@";
          modules = [
            nixfleet.darwinModules.agent
            (import ./mac.nix name host)
          ];
        }
      ) (of "mac");
    };
}
