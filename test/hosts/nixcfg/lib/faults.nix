# What a host gets wrong on purpose: hosts/NAME.faults.json, where there is one; test/hosts/lab/faults.ts says what it can
# hold. Beside the modules of a host, never in their place.
file:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  faults = if builtins.pathExists file then lib.importJSON file else { };
  kind = faults.agent or "normal";
  package = config.services.nixfleet-agent.package;

  # a step of the build that takes its time, says much, or fails; built anew for every version of the agent
  work = derivation {
    name = "work-of-${config.networking.hostName}";
    system = config.nixpkgs.hostPlatform;
    builder = "/usr/local/bin/node";
    args = [ ./work.mjs ];
    plan = builtins.toJSON faults.build;
    for = package;
  };
in
{
  warnings = lib.optional (faults ? evaluation) (throw faults.evaluation);
  environment.etc.work = lib.mkIf (faults ? build) { source = "${work}/done"; };
  testFaults.activation = faults.activation or { };

  services.nixfleet-agent.enable = lib.mkIf (kind == "none") (lib.mkForce false);

  systemd.services = lib.mkMerge [
    (lib.mkIf (kind != "normal" && kind != "none") {
      nixfleet-agent.serviceConfig.ExecStart =
        lib.mkForce
          {
            crash = "/bin/sh -c 'echo the agent cannot start >&2; exit 1'";
            mute = "/bin/sleep infinity";
            missing = "${package}/bin/nixfleet-agent-that-is-not-there serve";
          }
          .${kind};
    })
    (lib.mapAttrs' (
      unit: command:
      lib.nameValuePair (lib.removeSuffix ".service" unit) {
        description = unit;
        wantedBy = [ "multi-user.target" ];
        serviceConfig = {
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = command;
        };
      }
    ) (faults.units or { }))
  ];
}
