# A program of ours as a package: bin/NAME, which runs its bundle with Node. Agent and relay say what is theirs.
{
  lib,
  runCommand,
  runtimeShell,
  nodejs_24,
  bundles,
}:
let
  inherit (lib.importJSON ../bundles.json) version;
in
{
  name,
  # its file among the bundles
  bundle,
  description,
  # further attributes of the derivation
  attributes ? { },
  # further commands of its build
  commands ? "",
}:
runCommand "${name}-${version}"
  (
    attributes
    // {
      pname = name;
      inherit version;
      meta = {
        inherit description;
        homepage = "https://github.com/nixfleet/nixfleet";
        license = lib.licenses.mit;
        mainProgram = name;
        platforms = lib.platforms.unix;
      };
    }
  )
  ''
    mkdir -p "$out/bin" "$out/lib"
    cp ${bundles}/${bundle} "$out/lib/${bundle}"
    cat > "$out/bin/${name}" <<EOF
    #!${runtimeShell}
    exec ${nodejs_24}/bin/node $out/lib/${bundle} "\$@"
    EOF
    chmod +x "$out/bin/${name}"
    ${commands}
  ''
