{ lib }:
{
  inherit (builtins)
    concatStringsSep
    match
    replaceStrings
    stringLength
    substring
    toJSON
    fromJSON
    baseNameOf
    ;
  inherit (builtins) readFile pathExists compareVersions;

  concatStrings = builtins.concatStringsSep "";
  concatMapStrings = f: list: lib.concatStrings (map f list);
  concatMapStringsSep =
    separator: f: list:
    builtins.concatStringsSep separator (map f list);
  concatLines = lib.concatMapStrings (line: "${line}\n");
  concatMapAttrsStringSep =
    separator: f: set:
    builtins.concatStringsSep separator (lib.mapAttrsToList f set);
  optionalString = condition: text: if condition then text else "";
  boolToString = value: if value then "true" else "false";

  hasPrefix = prefix: text: builtins.substring 0 (builtins.stringLength prefix) text == prefix;
  hasSuffix =
    suffix: text:
    let
      rest = builtins.stringLength text - builtins.stringLength suffix;
    in
    rest >= 0 && builtins.substring rest (-1) text == suffix;
  hasInfix = part: text: builtins.replaceStrings [ part ] [ "" ] text != text || part == "";
  removePrefix =
    prefix: text:
    if lib.hasPrefix prefix text then
      builtins.substring (builtins.stringLength prefix) (-1) text
    else
      text;
  removeSuffix =
    suffix: text:
    if lib.hasSuffix suffix text then
      builtins.substring 0 (builtins.stringLength text - builtins.stringLength suffix) text
    else
      text;
  splitString =
    separator: text:
    builtins.filter builtins.isString (builtins.split (lib.escapeRegex separator) (toString text));
  escape = characters: builtins.replaceStrings characters (map (c: "\\${c}") characters);
  escapeRegex = lib.escape (lib.stringToCharacters "\\[{()^$?*+|.");
  stringToCharacters =
    text: builtins.genList (n: builtins.substring n 1 text) (builtins.stringLength text);
  escapeShellArg =
    word:
    let
      text = toString word;
    in
    if builtins.match "[[:alnum:],._+:@%/-]+" text != null then
      text
    else
      "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] text}'";
  escapeShellArgs = lib.concatMapStringsSep " " lib.escapeShellArg;
  escapeXML =
    builtins.replaceStrings
      [
        "\""
        "'"
        "<"
        ">"
        "&"
      ]
      [
        "&quot;"
        "&apos;"
        "&lt;"
        "&gt;"
        "&amp;"
      ];
  fileContents = path: lib.removeSuffix "\n" (builtins.readFile path);
  trim = text: builtins.head (builtins.match "[[:space:]]*(.*[^[:space:]]|)[[:space:]]*" text);

  versionOlder = a: b: builtins.compareVersions b a == 1;
  versionAtLeast = a: b: !lib.versionOlder a b;

  makeSearchPath =
    folder: packages:
    lib.concatMapStringsSep ":" (package: "${package}/${folder}") (
      builtins.filter (package: package != null) packages
    );
  makeBinPath = lib.makeSearchPath "bin";
  makeSearchPathOutput = _output: lib.makeSearchPath;

  generators = {
    toJSON = _: builtins.toJSON;
    # for messages: `"text"`, `[ 1 2 ]`
    toPretty =
      _: value:
      if builtins.isString value then
        builtins.toJSON value
      else if builtins.isList value then
        "[ ${lib.concatMapStrings (each: "${lib.generators.toPretty { } each} ") value}]"
      else if lib.isDerivation value then
        "<derivation ${value.name or "?"}>"
      else if builtins.isAttrs value then
        "{ ${
          lib.concatStrings (lib.mapAttrsToList (n: v: "${n} = ${lib.generators.toPretty { } v}; ") value)
        }}"
      else if builtins.isBool value then
        lib.boolToString value
      else if builtins.isFunction value then
        "<function>"
      else if value == null then
        "null"
      else
        toString value;
  };
}
