# What stands in for a Mac that nix-darwin configures.
name: host:
{ lib, ... }:
let
  fault = host.agent or "";
in
{
  networking.hostName = name;
  system.stateVersion = 6;

  services.nixfleet-agent = {
    enable = fault != "none";
    owner = "ana";
  }
  // host.options;

  standIn = host.standIn or { };

  launchd.daemons.brought = lib.mkIf (host.brings or false) {
    serviceConfig.ProgramArguments = [
      "/bin/sleep"
      "infinity"
    ];
    serviceConfig.RunAtLoad = true;
  };
  launchd.daemons.nixfleet-runner.serviceConfig.ThrottleInterval = lib.mkIf (host.otherRunner or false
  ) (lib.mkForce 2);
  launchd.daemons.nixfleet-agent.serviceConfig = lib.mkIf (fault == "mute") {
    ProgramArguments = lib.mkForce [
      "/bin/sleep"
      "infinity"
    ];
  };
}
