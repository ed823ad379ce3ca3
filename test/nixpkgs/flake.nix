{
  description = "A STAND-IN for nixpkgs on test hosts, which have no internet: not nixpkgs, and nothing of it";

  # What nixcfgs and modules of NixFleet's tests take from nixpkgs, and no more. The lab can put a nixpkgs `lib` beside this
  # file, in nixpkgs-lib/ (NIXFLEET_TEST_NIXPKGS_LIB names it): then modules are evaluated by that.
  outputs =
    { self }:
    let
      lib = import (if builtins.pathExists ./nixpkgs-lib then ./nixpkgs-lib else ./lib);
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      legacyPackages = lib.genAttrs systems (system: import ./pkgs.nix { inherit lib system; });
    in
    {
      inherit legacyPackages;
      lib = lib // {
        nixosSystem = import ./nixos { inherit lib legacyPackages; };
      };
    };
}
