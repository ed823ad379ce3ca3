{
  description = "The hosts at home";

  inputs.nixpkgs.url = "@nixpkgs@";
  inputs.nixfleet.url = "@nixfleet@";
  inputs.nixfleet.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    {
      self,
      nixpkgs,
      nixfleet,
    }:
    let
      host =
        name:
        nixpkgs.lib.nixosSystem {
          modules = [
            nixfleet.nixosModules.agent
            nixfleet.nixosModules.relay
            ./hosts/${name}.nix
            (import ./lib/faults.nix (./hosts + "/${name}.faults.json"))
            { system.configurationRevision = self.rev or self.dirtyRev or null; }
          ];
        };
    in
    {
      nixosConfigurations = {
        @host@ = host "@host@";
      };
    };
}
