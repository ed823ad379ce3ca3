# Options of a home, with Home Manager's names and types (modules/home-environment.nix, files.nix, misc/xdg.nix, misc/nix.nix,
# misc/submodule-support.nix, programs/home-manager.nix).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  cfg = config.home;

  file = types.submodule (
    { name, config, ... }:
    {
      options = {
        target = option types.str name;
        text = option (types.nullOr types.lines) null;
        source = mkOption { type = types.path; };
      };
      config.source = lib.mkIf (config.text != null) (
        pkgs.writeText "hm_${lib.replaceStrings [ "/" "." "@" ] [ "" "" "-" ] name}" config.text
      );
    }
  );
in
{
  options = {
    assertions = option (types.listOf types.unspecified) [ ];
    warnings = option (types.listOf types.str) [ ];

    home = {
      username = mkOption { type = types.str; };
      homeDirectory = mkOption { type = types.path; };
      stateVersion = mkOption {
        type = types.enum [
          "24.11"
          "25.05"
          "25.11"
          "26.05"
          "26.11"
        ];
      };
      packages = option (types.listOf types.package) [ ];
      file = option (types.attrsOf file) { };
      extraBuilderCommands = option types.lines "";
      activationPackage = mkOption {
        type = types.package;
        readOnly = true;
      };
    };

    xdg = {
      stateHome = option types.path "${cfg.homeDirectory}/.local/state";
      configHome = option types.path "${cfg.homeDirectory}/.config";
      configFile = option (types.attrsOf file) { };
    };

    # whether the home is part of a NixOS or nix-darwin configuration
    submoduleSupport.enable = mkOption {
      type = types.bool;
      default = false;
      internal = true;
    };
    nix.package = option (types.nullOr types.package) null;
    programs.home-manager.enable = option types.bool false;
  };

  config.home.file = lib.mapAttrs' (
    name: each:
    lib.nameValuePair "${lib.removePrefix "${cfg.homeDirectory}/" config.xdg.configHome}/${each.target}" {
      inherit (each) source;
    }
  ) config.xdg.configFile;
}
