# A STAND-IN for `lib.nixosSystem`: exactly the options of NixOS that the project's modules and its test hosts set, none
# else, around the project's real modules.
{ lib, legacyPackages }:
{
  system ? null,
  modules,
  specialArgs ? { },
}:
let
  result = lib.evalModules {
    inherit specialArgs;
    modules = [
      ./options.nix
      ./systemd.nix
      ./toplevel.nix
      (
        { config, ... }:
        {
          _file = "nixos/default.nix";
          _module.args.pkgs = legacyPackages.${config.nixpkgs.hostPlatform};
          nixpkgs = lib.optionalAttrs (system != null) { hostPlatform = lib.mkDefault system; };
        }
      )
    ]
    ++ modules;
  };
in
result // { pkgs = legacyPackages.${result.config.nixpkgs.hostPlatform}; }
