# What `nix flake check` looks at, for one system: the packages, the modules as NixOS, Home Manager and nix-darwin would
# evaluate them, and the form of the files here. Home Manager and nix-darwin are no inputs of this flake, so their part is
# played by the stand-ins of the project's tests, around nixpkgs' own `lib`.
{
  self,
  nixpkgs,
  pkgs,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system isLinux;
  inherit (self.packages.${system}) agent relay extension;

  options = {
    enable = true;
    relayUrl = "wss://relay.example.org:7780";
    tokenFile = "/run/secrets/nixfleet-token";
  };
  text = name: value: pkgs.writeText name (builtins.unsafeDiscardStringContext value);

  nixos =
    (nixpkgs.lib.nixosSystem {
      modules = [
        self.nixosModules.agent
        self.nixosModules.relay
        {
          nixpkgs.hostPlatform = system;
          system.stateVersion = "26.05";
          boot.isContainer = true;
          services.nixfleet-agent = options;
          services.nixfleet-relay.enable = true;
        }
      ];
    }).config.system.build.toplevel;

  home =
    (import ../test/home-manager/configuration.nix {
      inherit pkgs;
      modules = [
        self.homeModules.agent
        {
          home.username = "ana";
          home.homeDirectory = "/home/ana";
          home.stateVersion = "26.05";
          services.nixfleet-agent = options // {
            host = "web1";
          };
        }
      ];
    }).activationPackage;

  darwin =
    (import ../test/nix-darwin/darwin-system.nix { inherit nixpkgs; } {
      inherit system;
      modules = [
        self.darwinModules.agent
        {
          networking.hostName = "mini";
          system.stateVersion = 6;
          services.nixfleet-agent = options;
        }
      ];
    }).system;
in
{
  inherit agent relay extension;

  # who the agent says it is, is what its package says of it
  agent-identity = pkgs.runCommand "nixfleet-agent-identity" { } ''
    ${lib.getExe agent} --version | tee version
    grep -F ${lib.escapeShellArg self.rev or self.dirtyRev or self.narHash} version
    grep -F ${agent} version
    ${lib.getExe relay} --version
    touch $out
  '';

  module-home-manager = text "module-home-manager" home.drvPath;

  format = pkgs.runCommand "nixfleet-format" { nativeBuildInputs = [ pkgs.nixfmt ]; } ''
    nixfmt --check ${../flake.nix} ${../nix} ${../test/nixpkgs} ${../test/home-manager} ${../test/nix-darwin}
    touch $out
  '';
}
// lib.optionalAttrs isLinux {
  # evaluated, not built
  module-nixos = text "module-nixos" nixos.drvPath;
  vm-update = import ./tests/update.nix { inherit self nixpkgs pkgs; };
}
// lib.optionalAttrs (!isLinux) {
  module-nix-darwin = text "module-nix-darwin" darwin.drvPath;
}
