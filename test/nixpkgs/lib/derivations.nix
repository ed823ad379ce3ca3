{ lib }:
{
  isDerivation = value: value.type or null == "derivation";
  isStorePath =
    value:
    (builtins.isPath value || builtins.isString value || value ? outPath)
    && builtins.dirOf (toString value) == builtins.storeDir;
  getName = package: package.pname or (builtins.parseDrvName package.name).name;
  getVersion = package: package.version or (builtins.parseDrvName package.name).version;
  getBin = package: package.bin or package;
  getLib = package: package.lib or package;
  getExe' = package: program: "${package}/bin/${program}";
  getExe = package: lib.getExe' package (package.meta.mainProgram or (lib.getName package));
  platforms = {
    linux = [
      "x86_64-linux"
      "aarch64-linux"
    ];
    darwin = [
      "x86_64-darwin"
      "aarch64-darwin"
    ];
    unix = lib.platforms.linux ++ lib.platforms.darwin;
    all = lib.platforms.unix;
  };
  licenses = {
    mit = {
      spdxId = "MIT";
    };
    asl20 = {
      spdxId = "Apache-2.0";
    };
  };
  maintainers = { };
}
