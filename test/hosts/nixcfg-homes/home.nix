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
  brings = host.brings or false;
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

  home.file = lib.mkIf brings { brought.text = "by one generation alone"; };
  systemd.user.services = lib.mkIf pkgs.stdenv.hostPlatform.isLinux (
    lib.optionalAttrs (broken ? ${fault}) {
      nixfleet-agent.Service.ExecStart = command;
      nixfleet-agent.Service.Restart = lib.mkIf (fault == "stopped") (lib.mkForce "no");
    }
    // lib.optionalAttrs brings {
      brought.Service.ExecStart = "/bin/sleep infinity";
      brought.Install.WantedBy = [ "default.target" ];
    }
  );
  launchd.agents = lib.mkIf pkgs.stdenv.hostPlatform.isDarwin (
    lib.optionalAttrs (broken ? ${fault}) {
      nixfleet-agent.config.ProgramArguments = lib.mkForce (lib.splitString " " broken.${fault});
    }
    // lib.optionalAttrs brings {
      brought.enable = true;
      brought.config.ProgramArguments = [
        "/bin/sleep"
        "infinity"
      ];
      brought.config.RunAtLoad = true;
    }
  );
}
