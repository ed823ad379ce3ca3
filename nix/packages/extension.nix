# The extension, unpacked where nixpkgs' vscode-with-extensions and Home Manager's programs.vscode look for one. What ships is
# what .vscodeignore allows, as in the .vsix.
{
  lib,
  runCommand,
  bundles,
}:
let
  inherit (lib.importJSON ../bundles.json) version;
  vscodeExtPublisher = "nixfleet";
  vscodeExtName = "nixfleet";
  vscodeExtUniqueId = "${vscodeExtPublisher}.${vscodeExtName}";

  src = lib.fileset.toSource {
    root = ../..;
    fileset = lib.fileset.unions [
      ../../package.json
      ../../package.nls.json
      ../../package.nls.de.json
      ../../MARKETPLACE.md
      ../../CHANGELOG.md
      ../../LICENSE
      ../../extension
      ../../l10n
    ];
  };

  allowed = map (lib.removePrefix "!") (
    lib.filter (lib.hasPrefix "!") (lib.splitString "\n" (builtins.readFile ../../.vscodeignore))
  );
in
runCommand "vscode-extension-${vscodeExtUniqueId}-${version}"
  {
    pname = "vscode-extension-${vscodeExtUniqueId}";
    inherit version;
    passthru = { inherit vscodeExtPublisher vscodeExtName vscodeExtUniqueId; };
    meta = {
      description = "Updates the agent on every Nix host of a fleet from VS Code";
      homepage = "https://github.com/nixfleet/nixfleet";
      license = lib.licenses.mit;
      platforms = lib.platforms.all;
    };
  }
  ''
    folder="$out/share/vscode/extensions/${vscodeExtUniqueId}"
    mkdir -p "$folder"
    cp -r ${src}/. source
    chmod u+w source
    ln -s ${bundles} source/dist
    cd source
    shopt -s globstar nullglob
    for file in ${lib.concatStringsSep " " allowed}; do
      if [ -f "$file" ]; then install -D -m 644 "$file" "$folder/$file"; fi
    done
    mv "$folder/MARKETPLACE.md" "$folder/README.md"
    test -f "$folder/package.json"
    for part in extension.cjs first-run.cjs nixcfg.cjs language-client.cjs language-server.cjs relay.mjs; do
      test -f "$folder/dist/$part"
    done
  ''
