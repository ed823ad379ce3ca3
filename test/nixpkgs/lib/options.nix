# Options, and the properties that a definition can have: conditions, priorities, order. A property is a set with `_type`;
# `pushDown` moves it from a set to what is in the set, `discharge` takes it off a definition of one option.
{ lib }:
let
  defaultPriority = 100;
  defaultOrder = 1000;
  typeOf = value: value._type or null;
in
{
  mkOption = arguments: arguments // { _type = "option"; };
  isOption = value: typeOf value == "option";
  mkEnableOption =
    what:
    lib.mkOption {
      type = lib.types.bool;
      default = false;
      example = true;
      description = "Whether to enable ${what}.";
    };
  mkPackageOption =
    pkgs: name:
    {
      default ? name,
      nullable ? false,
      ...
    }:
    lib.mkOption {
      type = if nullable then lib.types.nullOr lib.types.package else lib.types.package;
      default = if default == null then null else pkgs.${toString default};
      defaultText = lib.literalExpression "pkgs.${toString default}";
      description = "The ${name} package to use.";
    };
  literalExpression = text: {
    _type = "literalExpression";
    inherit text;
  };
  literalMD = text: {
    _type = "literalMD";
    inherit text;
  };

  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  mkOptionDefault = lib.mkOverride 1500;
  mkDefault = lib.mkOverride 1000;
  mkForce = lib.mkOverride 50;
  mkVMOverride = lib.mkOverride 10;
  mkOrder = priority: content: {
    _type = "order";
    inherit priority content;
  };
  mkBefore = lib.mkOrder 500;
  mkAfter = lib.mkOrder 1500;

  showOption = lib.concatMapStringsSep "." (
    name: if builtins.match "[a-zA-Z_][a-zA-Z0-9_'-]*" name != null then name else builtins.toJSON name
  );
  showFiles = lib.concatMapStringsSep " and " (file: "`${file}'");
  showDefs =
    defs:
    lib.concatMapStrings (
      { file, value }:
      let
        shown = builtins.tryEval (lib.generators.toPretty { } value);
      in
      "\n- In `${file}': ${if shown.success then shown.value else "<error>"}"
    ) defs;

  # definitions (`{ file, value }`) of a set of options → those whose value is a plain set
  pushDown =
    { file, value }:
    let
      again =
        wrap: value:
        lib.pushDown {
          inherit file;
          value = if builtins.isAttrs value then builtins.mapAttrs (_: wrap) value else value;
        };
      contents = map (def: def.value) (
        lib.pushDown {
          inherit file;
          value = value.content;
        }
      );
    in
    if typeOf value == "merge" then
      lib.concatMap (value: lib.pushDown { inherit file value; }) value.contents
    else if typeOf value == "if" then
      lib.concatMap (again (lib.mkIf value.condition)) contents
    else if typeOf value == "override" then
      lib.concatMap (again (lib.mkOverride value.priority)) contents
    else if typeOf value == "order" then
      lib.concatMap (again (lib.mkOrder value.priority)) contents
    else
      [ { inherit file value; } ];

  # definitions of one option → those that count: conditions met, of the highest priority, in order. What is overridden is
  # never looked at: a default may be a `throw`.
  discharge =
    all:
    let
      meet =
        { file, value }:
        let
          each =
            value:
            if typeOf value == "merge" then
              lib.concatMap each value.contents
            else if typeOf value == "if" then
              if builtins.isBool value.condition then
                lib.optionals value.condition (each value.content)
              else
                throw "lib.mkIf called with a condition that is not a boolean, in `${file}'"
            else if typeOf value == "override" then
              [
                {
                  inherit file;
                  inherit (value) priority;
                  value = value.content;
                }
              ]
            else
              [
                {
                  inherit file value;
                  priority = defaultPriority;
                }
              ];
        in
        each value;
      met = lib.concatMap meet all;
      highest = builtins.foldl' (best: def: lib.min best def.priority) 9999 met;
      order = def: if typeOf def.value == "order" then def.value.priority else defaultOrder;
    in
    {
      highestPrio = highest;
      defs = map (def: {
        inherit (def) file;
        value = if typeOf def.value == "order" then def.value.content else def.value;
      }) (builtins.sort (a: b: order a < order b) (builtins.filter (def: def.priority == highest) met));
    };
}
