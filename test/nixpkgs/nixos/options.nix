# Options of NixOS outside of systemd, with the types that nixpkgs gives them (nixos/modules: misc/assertions.nix,
# system/etc/etc.nix, config/users-groups.nix, tasks/network-interfaces.nix, services/networking/firewall.nix,
# security/polkit.nix, misc/nixpkgs.nix, misc/version.nix, config/system-path.nix).
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  flag = option types.bool false;
in
{
  options = {
    assertions = option (types.listOf types.unspecified) [ ];
    warnings = option (types.listOf types.str) [ ];

    nixpkgs.hostPlatform = mkOption { type = types.str; };
    nix.package = option types.package pkgs.nix;
    system.stateVersion = mkOption { type = types.str; };
    system.configurationRevision = option (types.nullOr types.str) null;

    networking.hostName = option (types.strMatching "|[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?") "nixos";
    networking.firewall.allowedTCPPorts = option (types.listOf types.port) [ ];
    networking.proxy.envVars = mkOption {
      type = types.attrsOf types.str;
      default = { };
      internal = true;
    };

    security.polkit.enable = flag;

    environment.systemPackages = option (types.listOf types.package) [ ];
    environment.etc = option (types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = {
            enable = option types.bool true;
            target = option types.str name;
            text = option (types.nullOr types.lines) null;
            source = mkOption { type = types.path; };
          };
          config.source = lib.mkIf (config.text != null) (
            lib.mkDefault (pkgs.writeText "etc-${builtins.replaceStrings [ "/" ] [ "-" ] name}" config.text)
          );
        }
      )
    )) { };

    users.users = option (types.attrsOf (
      types.submodule (
        { name, config, ... }:
        {
          options = {
            name = option types.str name;
            description = option types.str "";
            isNormalUser = flag;
            isSystemUser = flag;
            group = option types.str "";
            extraGroups = option (types.listOf types.str) [ ];
            home = option types.path (if config.isNormalUser then "/home/${name}" else "/var/empty");
          };
          config.group = lib.mkIf config.isNormalUser (lib.mkDefault "users");
        }
      )
    )) { };
    users.groups = option (types.attrsOf (
      types.submodule (
        { name, ... }:
        {
          options.name = option types.str name;
          options.members = option (types.listOf types.str) [ ];
        }
      )
    )) { };
  };

  config = {
    users.groups.users = { };
    assertions = lib.concatLists (
      lib.mapAttrsToList (name: user: [
        {
          assertion = user.isNormalUser != user.isSystemUser;
          message = "Exactly one of users.users.${name}.isSystemUser and users.users.${name}.isNormalUser must be set.";
        }
        {
          assertion = user.group != "";
          message = "users.users.${name}.group is unset. This used to default to nogroup, but this is unsafe.";
        }
        {
          assertion = user.group == "" || config.users.groups ? ${user.group};
          message = "users.users.${name}.group is ${user.group}, which is no group of users.groups.";
        }
      ]) config.users.users
    );
  };
}
