{
  description = "The hosts at home";

  inputs.nixfleet.url = "@nixfleet@";

  outputs =
    { self, nixfleet }:
    let
      host = import ./lib/host.nix {
        inherit self nixfleet;
        system = "@system@";
      };
    in
    {
      nixosConfigurations = {
        @host@ = host "@host@";
      };
    };
}
