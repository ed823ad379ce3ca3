# Options of a Mac, with nix-darwin's names and types (modules/users, modules/system/etc.nix, modules/networking,
# modules/system/activation-scripts.nix, modules/system/version.nix).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
in
{
  options = {
    assertions = option (types.listOf types.unspecified) [ ];
    warnings = option (types.listOf types.str) [ ];

    nixpkgs.hostPlatform = mkOption { type = types.str; };
    networking.hostName = option (types.nullOr types.str) null;
    system.stateVersion = mkOption { type = types.ints.between 1 6; };
    system.primaryUser = option (types.nullOr types.str) null;
    system.activationScripts = option (types.attrsOf (
      types.submodule { options.text = option types.lines ""; }
    )) { };

    environment.systemPackages = option (types.listOf types.package) [ ];
    environment.etc = option (types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = {
            target = option types.str name;
            text = option types.lines "";
            source = mkOption { type = types.path; };
          };
          config.source = lib.mkIf (config.text != "") (
            lib.mkDefault (pkgs.writeText (baseNameOf name) config.text)
          );
        }
      )
    )) { };

    users.knownUsers = option (types.listOf types.str) [ ];
    users.knownGroups = option (types.listOf types.str) [ ];
    users.users = option (types.attrsOf (
      types.submodule (
        { name, ... }:
        {
          options = {
            name = option types.nonEmptyStr name;
            description = option (types.nullOr types.nonEmptyStr) null;
            uid = mkOption { type = types.int; };
            gid = option types.int 20;
            isHidden = option types.bool true;
            home = option (types.nullOr types.path) null;
            shell = option (types.nullOr (types.either types.shellPackage types.path)) null;
          };
        }
      )
    )) { };
    users.groups = option (types.attrsOf (
      types.submodule (
        { name, ... }:
        {
          options = {
            name = option types.str name;
            description = option types.str "";
            gid = mkOption { type = types.int; };
            members = option (types.listOf types.str) [ ];
          };
        }
      )
    )) { };
  };
}
