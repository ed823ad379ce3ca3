# `config.system.build.toplevel`: a generation as NixOS lays it out, as far as test hosts use it. toplevel.mjs makes it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.system;
  failed = builtins.filter (assertion: !assertion.assertion) config.assertions;
  checked =
    result:
    if failed != [ ] then
      throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (each: "- ${each.message}") failed}"
    else
      builtins.foldl' (
        result: warning: builtins.trace "evaluation warning: ${warning}" result
      ) result config.warnings;

  revision = if cfg.configurationRevision == null then "dirty" else cfg.configurationRevision;
  label = "26.05.${builtins.substring 0 7 revision}${
    lib.optionalString (lib.hasSuffix "-dirty" revision) "-dirty"
  }";
in
{
  options = {
    system.build = mkOption {
      type = types.attrsOf types.unspecified;
      default = { };
      internal = true;
    };

    # no option of NixOS: what goes wrong on purpose, see test/hosts/lab/faults.ts
    testFaults.activation = {
      at = mkOption {
        type = types.enum [
          ""
          "check"
          "bootloader"
          "before"
          "script"
          "after"
        ];
        default = "";
      };
      exit = mkOption {
        type = types.int;
        default = 1;
      };
      hang = mkOption {
        type = types.bool;
        default = false;
      };
      hold = mkOption {
        type = types.str;
        default = "";
      };
    };
  };

  config.system.build = {
    toplevel = checked (derivation {
      name = "nixos-system-${config.networking.hostName}-${label}";
      system = config.nixpkgs.hostPlatform;
      builder = "/usr/local/bin/node";
      args = [ ./toplevel.mjs ];
      __structuredAttrs = true;

      inherit label;
      configurationRevision = revision;
      inherit (config.systemd) units;
      # the file in the store that a file below etc/ is a link to
      files = lib.mapAttrs' (_: file: lib.nameValuePair file.target "${file.source}") (
        lib.filterAttrs (_: file: file.enable) config.environment.etc
      );
      # packages that are the host's own are there anyway
      packages = map toString (
        builtins.filter (package: lib.hasPrefix builtins.storeDir (toString package)) config.environment.systemPackages
      );
      users = builtins.attrValues config.users.users;
      groups = builtins.attrValues config.users.groups;
      fault = config.testFaults.activation;
      # of no consequence on a test host; here so that wrong values are seen
      other = {
        inherit (config.system) stateVersion;
        inherit (config.networking.firewall) allowedTCPPorts;
        polkit = config.security.polkit.enable;
      };
      activate = "${./activate.sh}";
      switchToConfiguration = "${./switch-to-configuration.sh}";
    });

    nixos-rebuild = pkgs.runCommand "nixos-rebuild" { } ''
      mkdir -p $out/bin
      ln -s /usr/local/bin/nixos-rebuild $out/bin/nixos-rebuild
    '';
  };
}
