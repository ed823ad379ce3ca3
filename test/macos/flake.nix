{
  description = "A home and a Mac with the real Home Manager and nix-darwin, for .github/workflows/macos.yml";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
  inputs.home-manager.url = "github:nix-community/home-manager/release-26.05";
  inputs.home-manager.inputs.nixpkgs.follows = "nixpkgs";
  inputs.nix-darwin.url = "github:nix-darwin/nix-darwin/nix-darwin-26.05";
  inputs.nix-darwin.inputs.nixpkgs.follows = "nixpkgs";
  # the workflow puts the checkout here
  inputs.nixfleet.url = "github:nixfleet/nixfleet";
  inputs.nixfleet.inputs.nixpkgs.follows = "nixpkgs";

  outputs =
    {
      nixpkgs,
      home-manager,
      nix-darwin,
      nixfleet,
      ...
    }:
    let
      system = "aarch64-darwin";
      agent = {
        enable = true;
        relayUrl = "wss://relay.example.org:7780";
      };
    in
    {
      homeConfigurations.ana = home-manager.lib.homeManagerConfiguration {
        pkgs = nixpkgs.legacyPackages.${system};
        modules = [
          nixfleet.homeModules.agent
          {
            home.username = "ana";
            home.homeDirectory = "/Users/ana";
            home.stateVersion = "26.05";
            services.nixfleet-agent = agent // {
              host = "mini";
              tokenFile = "/Users/ana/.config/nixfleet/token";
            };
          }
        ];
      };

      darwinConfigurations.mini = nix-darwin.lib.darwinSystem {
        inherit system;
        modules = [
          nixfleet.darwinModules.agent
          {
            networking.hostName = "mini";
            system.stateVersion = 6;
            services.nixfleet-agent = agent // {
              owner = "ana";
              tokenFile = "/etc/nixfleet/token";
            };
          }
        ];
      };
    };
}
