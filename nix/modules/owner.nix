# `services.nixfleet-agent.owner`, for systems on which the agent works for somebody else: NixOS and nix-darwin.
{ config, lib, ... }:
let
  cfg = config.services.nixfleet-agent;
in
{
  options.services.nixfleet-agent.owner = lib.mkOption {
    type = lib.types.nullOr lib.types.str;
    default = null;
    example = "ana";
    description = ''
      Who owns the checkout of nixcfg: git and nix run with this user's rights, keys and settings. When it is `null`, it is
      whoever owns `flake.nix` there.
    '';
  };

  config = {
    services.nixfleet-agent.settings = lib.mkIf (cfg.owner != null) { inherit (cfg) owner; };

    assertions = lib.mkIf cfg.enable [
      {
        assertion = cfg.owner == null || builtins.match "[A-Za-z_][A-Za-z0-9_.-]*[$]?" cfg.owner != null;
        message = "services.nixfleet-agent.owner is \"${toString cfg.owner}\", which is no user name: write the login name of the person who owns the checkout, such as \"ana\".";
      }
    ];
  };
}
