# `homeManagerConfiguration`: the project's very module, evaluated among exactly the options of Home Manager that it and its
# tests set. What is not declared here does not exist.
{
  pkgs,
  modules,
  extraSpecialArgs ? { },
  lib ? pkgs.lib,
}:
let
  evaluated = lib.evalModules {
    specialArgs = extraSpecialArgs;
    modules = [
      ./home.nix
      ./systemd.nix
      ./launch-agents.nix
      ./generation.nix
      {
        _file = "home-manager/configuration.nix";
        _module.args.pkgs = pkgs;
      }
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
  inherit config options pkgs;
  activationPackage = checked config.home.activationPackage;
}
