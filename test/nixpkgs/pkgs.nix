# A STAND-IN for a system's packages. Programs are those of the host itself; what is built is built by its /bin/sh.
{ lib, system }:
let
  # a package that is no store path: its programs lie in /usr/bin of the host
  ofHost = name: prefix: {
    type = "derivation";
    inherit name;
    pname = name;
    version = "0";
    outPath = prefix;
    outputName = "out";
    meta.mainProgram = name;
  };

  derive =
    name: attributes:
    derivation (
      {
        inherit name system;
        builder = "/bin/bash";
        PATH = "/usr/local/bin:/usr/bin:/bin";
      }
      // attributes
    )
    // {
      inherit name;
      meta = attributes.meta or { };
    };

  # text that names nothing that has to be built first needs no build itself
  needsBuild =
    text: !builtins.all (reference: reference ? path) (builtins.attrValues (builtins.getContext text));

  pkgs = {
    inherit lib system;
    stdenv = {
      hostPlatform = {
        inherit system;
        isLinux = lib.hasSuffix "-linux" system;
        isDarwin = lib.hasSuffix "-darwin" system;
      };
      # sources are copied, the phases do the rest. As in nixpkgs (pkgs/stdenv/generic/setup.sh) programs do not find the
      # certificates of the machine, unless whoever builds names some
      mkDerivation =
        {
          pname ? null,
          version ? null,
          name ? "${pname}-${version}",
          src ? null,
          buildPhase ? "",
          installPhase ? "",
          nativeBuildInputs ? [ ],
          meta ? { },
          passthru ? { },
          ...
        }@attributes:
        pkgs.runCommand name (builtins.removeAttrs attributes [
          "buildPhase"
          "installPhase"
          "meta"
          "passthru"
          "nativeBuildInputs"
        ]) ''
          export PATH="${lib.makeBinPath nativeBuildInputs}:$PATH"
          if [ -z "''${NIX_SSL_CERT_FILE:-}" ]; then export NIX_SSL_CERT_FILE=/no-cert-file.crt; fi
          if [ -z "''${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE=/no-cert-file.crt; fi
          ${lib.optionalString (src != null) ''
            cp -r --no-preserve=mode,ownership "$src" source
            cd source
          ''}
          ${buildPhase}
          ${installPhase}
        ''
        // {
          inherit meta;
        }
        // lib.optionalAttrs (pname != null) { inherit pname version; }
        // passthru;
    };
    stdenvNoCC = pkgs.stdenv;

    callPackage =
      file: arguments:
      let
        function = if builtins.isFunction file then file else import file;
      in
      function (builtins.intersectAttrs (builtins.functionArgs function) pkgs // arguments);

    runCommand =
      name: environment: script:
      derive name (
        builtins.removeAttrs environment [
          "meta"
          "passthru"
          "nativeBuildInputs"
          "preferLocalBuild"
          "allowSubstitutes"
        ]
        // {
          args = [
            "-euc"
            # the last command is bash's own: a program that bash became would close its output before it ends, which nix
            # takes for the end of the build, and kills it
            "runHook() { :; }\n${script}\n:"
          ];
        }
      )
      // {
        meta = environment.meta or { };
      }
      // environment.passthru or { };
    runCommandLocal = pkgs.runCommand;

    writeText =
      name: text:
      if needsBuild text then
        pkgs.runCommand name { inherit text; } ''printf %s "$text" > "$out"''
      else
        {
          type = "derivation";
          inherit name;
          outPath = builtins.toFile name text;
        };
    writeTextDir =
      path: text:
      pkgs.runCommand (baseNameOf path) { inherit text; } ''
        mkdir -p "$(dirname "$out/${path}")"
        printf %s "$text" > "$out/${path}"
      '';
    writeShellScript =
      name: text:
      pkgs.runCommand name { text = "#!${pkgs.runtimeShell}\n${text}"; } ''
        printf '%s\n' "$text" > "$out"
        chmod +x "$out"
      '';
    writeShellScriptBin =
      name: text:
      pkgs.runCommand name
        {
          text = "#!${pkgs.runtimeShell}\n${text}";
          meta.mainProgram = name;
        }
        ''
          mkdir -p "$out/bin"
          printf '%s\n' "$text" > "$out/bin/${name}"
          chmod +x "$out/bin/${name}"
        '';
    runtimeShell = "/bin/bash";

    nodejs_24 = ofHost "node" "/usr/local";
  }
  // lib.genAttrs [ "bash" "cacert" "coreutils" "findutils" "git" "gnugrep" "gnused" "jq" "nix" "openssh" "systemd" "util-linux" ] (
    name: ofHost name "/usr"
  );
in
pkgs
