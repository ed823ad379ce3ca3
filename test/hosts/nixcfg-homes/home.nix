# A home, on Linux or on what stands in for a Mac.
name: host:
{
  lib,
  pkgs,
  ...
}:
let
  # an agent that runs and never says a word, one that ends at once, one that is left at that
  broken = {
    stopped = "/bin/true";
    mute = "/bin/sleep infinity";
    crash = "/bin/false";
  };
  fault = host.agent or "";
  command = lib.mkForce broken.${fault};
in
{
  home.username = "ana";
  home.homeDirectory = "/home/ana";
  home.stateVersion = "26.05";

  services.nixfleet-agent = {
    enable = fault != "none";
    host = name;
    attribute = name;
  }
  // host.options;

  standIn = host.standIn or { };

  systemd.user.services.nixfleet-agent = lib.mkIf (
    pkgs.stdenv.hostPlatform.isLinux && broken ? ${fault}
  ) {
    Service.ExecStart = command;
    Service.Restart = lib.mkIf (fault == "stopped") (lib.mkForce "no");
  };
  launchd.agents.nixfleet-agent.config = lib.mkIf (
    pkgs.stdenv.hostPlatform.isDarwin && broken ? ${fault}
  ) { ProgramArguments = lib.mkForce (lib.splitString " " broken.${fault}); };
}
