# What the hosts of the VM test are, the first time and after every update: `host.nix` of their nixcfg.
{ lib, pkgs, ... }:
{
  users.users.ana = {
    isNormalUser = true;
    homeMode = "0700";
  };

  services.nixfleet-agent = {
    enable = true;
    relayUrl = "ws://relay:7780";
    allowPlaintext = true;
    tokenFile = "/var/lib/nixfleet-token";
    owner = "ana";
    deadlines.settling = 2;
  };

  # no internet: what a build needs is there
  nix.settings = {
    experimental-features = [
      "nix-command"
      "flakes"
    ];
    substituters = lib.mkForce [ ];
    flake-registry = "";
    connect-timeout = 1;
  };
  environment.systemPackages = [ pkgs.git ];

  boot.loader.grub = {
    enable = true;
    device = "/dev/vda";
    forceInstall = true;
  };
  documentation.enable = false;
  system.stateVersion = "26.05";
}
