# `darwinSystem`: the project's very module, evaluated among exactly the options of nix-darwin that it and its tests set. What
# is not declared here does not exist. On the system of a Linux test host it is a Mac all the same; see launchd/as-mac.nix.
{ nixpkgs }:
{
  system ? null,
  modules,
  specialArgs ? { },
  lib ? nixpkgs.lib,
}:
let
  evaluated = lib.evalModules {
    inherit specialArgs;
    modules = [
      ./options.nix
      ./launch-daemons.nix
      ./toplevel.nix
      (
        { config, ... }:
        {
          _file = "nix-darwin/darwin-system.nix";
          _module.args.pkgs = import ./launchd/as-mac.nix nixpkgs.legacyPackages.${config.nixpkgs.hostPlatform};
          nixpkgs = lib.optionalAttrs (system != null) { hostPlatform = lib.mkDefault system; };
        }
      )
    ]
    ++ modules;
  };
  inherit (evaluated) config options;
  failed = map (each: each.message) (lib.filter (each: !each.assertion) config.assertions);
  checked =
    result:
    if failed != [ ] then
      throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (message: "- ${message}") failed}"
    else
      lib.foldr (warning: builtins.trace "warning: ${warning}") result config.warnings;
in
{
  inherit config options;
  system = checked config.system.build.toplevel;
}
