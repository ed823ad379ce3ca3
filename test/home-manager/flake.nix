{
  description = "A STAND-IN for Home Manager on test hosts, which have no internet: not Home Manager, and nothing of it";

  # a nixcfg says inputs.home-manager.inputs.nixpkgs.follows = "nixpkgs"
  inputs.nixpkgs.url = "git://10.77.0.1/nixpkgs.git?ref=main";

  outputs = _: {
    lib = {
      homeManagerConfiguration = import ./configuration.nix;
      # no function of Home Manager: packages that take a Linux test host for a Mac
      asMac = import ./launchd/as-mac.nix;
    };
  };
}
