# evalModules: modules (sets, functions, files) → one `config`. Options that nobody declared, values of the wrong type and
# options without a value are errors that name the option, what was expected, and the file of the definition.
{ lib }:
let
  inherit (lib) showOption showFiles showDefs;

  isPathLike = value: builtins.isPath value || builtins.isString value;

  # what a module says, whatever its form
  normalise =
    file: module:
    let
      about = [
        "_file"
        "key"
        "imports"
      ];
      unknown = builtins.attrNames (
        builtins.removeAttrs module (
          about
          ++ [
            "options"
            "config"
            "meta"
          ]
        )
      );
      where = module._file or file;
      isLong = module ? config || module ? options;
    in
    if !builtins.isAttrs module || module ? _type then
      throw "Expected a module, but found a value of type ${
        module._type or (builtins.typeOf module)
      }, while loading `${file}'"
    else if isLong && unknown != [ ] then
      throw "Module `${where}' has an unsupported attribute `${builtins.head unknown}'. This is caused by introducing a top-level `config' or `options' attribute. Add configuration attributes immediately on the top level instead, or move all of them into the explicit `config' attribute."
    else
      {
        file = where;
        key = module.key or null;
        imports = module.imports or [ ];
        options = module.options or { };
        config = if isLong then module.config or { } else builtins.removeAttrs module about;
      };

  # every module once, those that it imports before it
  collect =
    arguments: modules:
    let
      load =
        origin: module:
        let
          file = if isPathLike module then toString module else origin;
          value = if isPathLike module then import module else module;
          loaded = normalise file (if builtins.isFunction value then value (arguments value) else value);
        in
        loaded // { key = if isPathLike module then file else loaded.key; };
      visit =
        origin: seen: module:
        let
          loaded = load origin module;
          before = builtins.foldl' (visit loaded.file) (
            seen // { keys = seen.keys ++ lib.optional (loaded.key != null) loaded.key; }
          ) loaded.imports;
        in
        if loaded.key != null && builtins.elem loaded.key seen.keys then
          seen
        else
          before // { modules = before.modules ++ [ loaded ]; };
      nothing = {
        keys = [ ];
        modules = [ ];
      };
    in
    (builtins.foldl' (visit "<unknown-file>") nothing modules).modules;

  # declarations of all modules → one tree, whose leaves are options with the file that declares them
  mergeDeclarations =
    prefix: declarations:
    builtins.zipAttrsWith (
      name: each:
      let
        path = prefix ++ [ name ];
        first = builtins.head each;
      in
      if !builtins.any ({ value, ... }: lib.isOption value) each then
        mergeDeclarations path each
      else if builtins.length each > 1 then
        throw "The option `${showOption path}' in ${showFiles (map (d: d.file) (lib.tail each))} is already declared in `${first.file}'."
      else
        first.value // { declarations = [ first.file ]; }
    ) (map ({ file, value }: builtins.mapAttrs (_: value: { inherit file value; }) value) declarations);

  # a tree of declarations and all definitions → the same tree of values, of options, and what nobody declared
  evaluate =
    path: declared: defs:
    let
      named =
        name:
        lib.concatMap (
          { file, value }:
          lib.optional (value ? ${name}) {
            inherit file;
            value = value.${name};
          }
        ) defs;
      each =
        name: declaration:
        let
          here = path ++ [ name ];
          sets = lib.concatMap lib.pushDown (named name);
          wrong = builtins.filter (def: !builtins.isAttrs def.value) sets;
        in
        if lib.isOption declaration then
          rec {
            options = evaluateOption here declaration (named name);
            config = options.value;
            unmatched = [ ];
          }
        else if wrong != [ ] then
          throw "The option `${showOption here}' is a set of options, but is defined as something else. Definition values:${showDefs wrong}"
        else
          evaluate here declaration sets;
      below = builtins.mapAttrs each declared;
      strangers = lib.unique (
        builtins.filter (name: !(declared ? ${name})) (
          lib.concatMap (def: builtins.attrNames def.value) defs
        )
      );
      strange =
        name:
        "The option `${showOption (path ++ [ name ])}' does not exist. Definition values:${showDefs (named name)}";
    in
    {
      config = builtins.mapAttrs (_: each: each.config) below;
      options = builtins.mapAttrs (_: each: each.options) below;
      unmatched =
        map strange strangers ++ lib.concatMap (each: each.unmatched) (builtins.attrValues below);
    };

  evaluateOption =
    loc: declared: found:
    let
      type = declared.type or lib.types.unspecified;
      defaults = lib.optional (declared ? default) {
        file = builtins.head declared.declarations;
        value = lib.mkOptionDefault declared.default;
      };
      merged = lib.mergeDefinitions loc type (defaults ++ found);
      value =
        if declared.readOnly or false && builtins.length found > 1 then
          throw "The option `${showOption loc}' is read-only, but it's set multiple times. Definition values:${showDefs found}"
        else
          merged.value
            or (throw "The option `${showOption loc}' was accessed but has no value defined. Try setting the option.");
    in
    declared
    // {
      inherit loc type;
      inherit (merged) isDefined highestPrio;
      files = map (def: def.file) merged.defs;
      value = if declared ? apply then declared.apply value else value;
    };
in
{
  mergeDefinitions =
    loc: type: all:
    let
      inherit (lib.discharge all) defs highestPrio;
      wrong = builtins.filter (def: !type.check def.value) defs;
    in
    {
      inherit defs highestPrio;
      isDefined = defs != [ ];
    }
    // lib.optionalAttrs (defs != [ ] || type ? emptyValue) {
      value =
        if defs == [ ] then
          type.emptyValue
        else if wrong != [ ] then
          throw "A definition for option `${showOption loc}' is not of type `${type.description}'. Definition values:${showDefs wrong}"
        else
          type.merge loc defs;
    };

  evalModules =
    {
      modules,
      specialArgs ? { },
      prefix ? [ ],
    }:
    let
      own = {
        _file = "lib/modules.nix";
        options._module.args = lib.mkOption {
          type = lib.types.attrsOf lib.types.raw;
          internal = true;
          description = "Further arguments of every module.";
        };
      };
      given = specialArgs // {
        inherit lib;
        inherit (result) config options;
      };
      # what modules give each other is looked up only when it is used
      arguments =
        function:
        builtins.mapAttrs (
          name: _:
          given.${name} or tree.config._module.args.${name}
            or (throw "a module wants the argument `${name}', which nobody gives")
        ) (builtins.functionArgs function)
        // given;
      collected = collect arguments ([ own ] ++ modules);
      declared = mergeDeclarations prefix (
        map (module: {
          inherit (module) file;
          value = module.options;
        }) collected
      );
      definitions = lib.concatMap (
        module:
        lib.pushDown {
          inherit (module) file;
          value = module.config;
        }
      ) collected;
      tree = evaluate prefix declared definitions;
      result = {
        config =
          if tree.unmatched == [ ] then
            builtins.removeAttrs tree.config [ "_module" ]
          else
            throw (builtins.head tree.unmatched);
        inherit (tree) options;
        _type = "configuration";
      };
    in
    result;
}
