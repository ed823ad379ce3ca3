# A relay and two NixOS hosts in virtual machines, with nixpkgs' own modules and tools: both are updated to a new version of
# the agent, then to one that does not start, which has to end with the version before. UNVERIFIED until it has run in
# .github/workflows/nix.yml: where the project is developed there is no nixpkgs.
{
  self,
  nixpkgs,
  pkgs,
}:
let
  inherit (pkgs) lib;
  inherit (pkgs.stdenv.hostPlatform) system;
  inherit (lib.importJSON ../bundles.json) version;
  bundles = pkgs.callPackage ../bundles.nix { };

  # the project as an input that the machines can fetch: its flake, with bundles that need no npm
  input = pkgs.runCommand "nixfleet-input" { } ''
    mkdir $out
    cp ${../../flake.nix} $out/flake.nix
    cp -r ${../.} $out/nix
    cp -r ${bundles} $out/bundles
    chmod -R u+w $out
    echo '_: ../bundles' > $out/nix/bundles.nix
  '';

  nixcfg = host: pkgs.writeText "flake.nix" ''
    {
      inputs.nixpkgs.url = "path:${nixpkgs}";
      inputs.nixfleet.url = "git://relay/nixfleet";
      inputs.nixfleet.inputs.nixpkgs.follows = "nixpkgs";
      outputs = { self, nixpkgs, nixfleet }: {
        nixosConfigurations.${host} = nixpkgs.lib.nixosSystem {
          system = "${system}";
          modules = [
            "''${nixpkgs}/nixos/modules/virtualisation/qemu-vm.nix"
            "''${nixpkgs}/nixos/modules/testing/test-instrumentation.nix"
            nixfleet.nixosModules.agent
            ./host.nix
            (nixpkgs.lib.modules.importJSON ./network.json)
            { networking.hostName = "${host}"; }
          ];
        };
      };
    }
  '';

  host = {
    imports = [
      self.nixosModules.agent
      ./host.nix
    ];
    # the tools that build the next generation, and nixpkgs to evaluate it with
    system.includeBuildDependencies = true;
    system.extraDependencies = [
      "${nixpkgs}"
      input
      pkgs.grub2
      pkgs.stdenv
    ];
    virtualisation = {
      cores = 2;
      memorySize = 4096;
      diskSize = 8192;
    };
  };
in
pkgs.testers.runNixOSTest {
  name = "nixfleet-update";

  nodes = {
    relay =
      { ... }:
      {
        imports = [ self.nixosModules.relay ];
        services.nixfleet-relay = {
          enable = true;
          allowPlaintext = true;
          openFirewall = true;
        };
        services.gitDaemon = {
          enable = true;
          basePath = "/srv/git";
          exportAll = true;
        };
        systemd.tmpfiles.rules = [ "d /srv/git 0755 git git" ];
        networking.firewall.allowedTCPPorts = [ 9418 ];
        environment.systemPackages = [
          pkgs.git
          pkgs.jq
          pkgs.nodejs_24
        ];
        system.extraDependencies = [ input ];
      };
    web1 = host;
    web2 = host;
  };

  testScript =
    { nodes, ... }:
    let
      network =
        name: pkgs.writeText "network.json" (builtins.toJSON nodes.${name}.system.build.networkConfig);
    in
    ''
      import json

      HOSTS = {
          web1: ("web1", "${nixcfg "web1"}", "${network "web1"}"),
          web2: ("web2", "${nixcfg "web2"}", "${network "web2"}"),
      }

      GIT = "git -c user.name=Test -c user.email=test@example.org -c safe.directory='*'"


      def publish(version: str, more: str = "true") -> None:
          """A version of the agent upstream: the same but for its name, or what `more` makes of it."""
          relay.succeed(
              f"cd /root/nixfleet && jq '.version = \"{version}\"' nix/bundles.json > new && mv new nix/bundles.json"
              f" && {more} && {GIT} add --all && {GIT} commit --quiet --message={version}"
              f" && {GIT} push --quiet /srv/git/nixfleet HEAD:main && chown -R git:git /srv/git"
          )


      def update() -> list[dict]:
          """Updates both hosts at once and returns how it went."""
          said = relay.succeed(
              f"node ${./operator.mjs} ws://localhost:7780 {operator} web1 web2", timeout=1800
          )
          return [json.loads(line) for line in said.splitlines()]


      def version_of(host) -> str:
          return json.loads(host.succeed("cat /run/current-system/etc/nixfleet/agent.json"))["version"]


      start_all()
      relay.wait_for_unit("nixfleet-relay.service")
      relay.wait_for_unit("git-daemon.service")
      operator = relay.succeed("nixfleet-relay operator ana --token-only").strip()

      with subtest("A nixfleet to update from, and a nixcfg for each host"):
          relay.succeed(
              "cp -r --no-preserve=mode ${input} /root/nixfleet",
              "cd /root/nixfleet && git init --quiet --initial-branch=main",
              "git init --quiet --bare --initial-branch=main /srv/git/nixfleet",
          )
          publish("${version}")
          for host, (name, flake, network) in HOSTS.items():
              host.wait_for_unit("multi-user.target")
              token = relay.succeed(f"nixfleet-relay enroll {name} --token-only").strip()
              # the agent has waited for it: a missing token is no failure
              host.succeed(f"(umask 077 && echo {token} > /var/lib/nixfleet-token)")
              relay.succeed(f"git init --quiet --bare --initial-branch=main /srv/git/{name} && chown -R git:git /srv/git")
              host.succeed(
                  "su - ana -c '"
                  "mkdir -p ~/Code && cd ~/Code && git init --quiet --initial-branch=main nixcfg && cd nixcfg"
                  f" && install -m 644 {flake} flake.nix && install -m 644 {network} network.json"
                  " && install -m 644 ${./host.nix} host.nix && git add . && nix flake lock && git add ."
                  " && git -c user.name=Ana -c user.email=ana@example.org commit --quiet --message=Begin"
                  f" && git remote add origin git://relay/{name}'"
              )
              # upstream has what the checkout has
              host.succeed(f"tar -C /home/ana/Code/nixcfg -cf /tmp/shared/{name}.tar .git")
              relay.succeed(
                  f"mkdir /root/{name} && tar -C /root/{name} -xf /tmp/shared/{name}.tar"
                  f" && {GIT} -C /root/{name} push --quiet /srv/git/{name} HEAD:main && chown -R git:git /srv/git"
              )
              host.succeed("su - ana -c 'cd ~/Code/nixcfg && git fetch --quiet && git branch --set-upstream-to=origin/main'")
          relay.wait_until_succeeds("nixfleet-relay hosts --json | jq -se 'map(select(.online)) | length == 2'", timeout=120)

      with subtest("The first update brings the system that nixcfg describes"):
          for run in update():
              assert run["outcome"] == "succeeded", run

      with subtest("A new version is brought to both, and runs"):
          publish("9.1.0")
          for run in update():
              assert (run["outcome"], run["versionAfter"]) == ("succeeded", "9.1.0"), run
          for host in HOSTS:
              assert version_of(host) == "9.1.0"
              host.succeed("test $(readlink -f /run/current-system) = $(readlink -f /nix/var/nix/profiles/system)")
              host.succeed("! find /home/ana/Code/nixcfg -not -user ana | grep .")

      with subtest("A version that does not start is taken back"):
          publish("9.2.0", "echo 'process.exit(1)' > bundles/agent.mjs")
          for run in update():
              assert run["outcome"] == "rolled-back", run
          for host in HOSTS:
              assert version_of(host) == "9.1.0"
              host.succeed("systemctl is-active nixfleet-agent.service")

      with subtest("The agent's service is hard to get out of"):
          exposure = web1.succeed("systemd-analyze security --no-pager nixfleet-agent.service | tail -n 1")
          print(exposure)
          assert float(exposure.split(":")[1].split()[0]) <= 2.0, exposure
          web1.fail("setpriv --reuid nixfleet-agent --regid nixfleet-agent --clear-groups systemctl start sshd.service")
    '';
}
