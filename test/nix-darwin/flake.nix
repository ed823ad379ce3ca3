{
  description = "A STAND-IN for nix-darwin on test hosts, which have no internet: not nix-darwin, and nothing of it";

  # a nixcfg says inputs.nix-darwin.inputs.nixpkgs.follows = "nixpkgs"
  inputs.nixpkgs.url = "git://10.77.0.1/nixpkgs.git?ref=main";

  outputs =
    { nixpkgs, ... }:
    {
      lib.darwinSystem = import ./darwin-system.nix { inherit nixpkgs; };
    };
}
