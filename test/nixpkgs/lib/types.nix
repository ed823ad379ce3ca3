# Types of options: what a value may be (`check`), and how several definitions of one option become one (`merge`).
{ lib }:
let
  inherit (lib) showOption showDefs;

  type =
    description: check: more:
    {
      _type = "option-type";
      name = description;
      inherit description check;
      merge = mergeOne;
    }
    // more;

  mergeOne =
    loc: defs:
    if builtins.length defs == 1 then
      (builtins.head defs).value
    else
      throw "The option `${showOption loc}' is defined multiple times while it's expected to be unique. Definition values:${showDefs defs}\nUse `lib.mkForce value` or `lib.mkDefault value` to change the priority on any of these definitions.";

  mergeEqual =
    loc: defs:
    let
      first = (builtins.head defs).value;
    in
    if builtins.all (def: def.value == first) defs then
      first
    else
      throw "The option `${showOption loc}' has conflicting definition values:${showDefs defs}\nUse `lib.mkForce value` or `lib.mkDefault value` to change the priority on any of these definitions.";

  equal = description: check: type description check { merge = mergeEqual; };
  joined =
    description: separator:
    type description builtins.isString {
      merge = _loc: defs: lib.concatMapStringsSep separator (def: def.value) defs;
    };
  between =
    first: last:
    equal "integer between ${toString first} and ${toString last} (both inclusive)" (
      value: builtins.isInt value && first <= value && value <= last
    );
  isNumber = value: builtins.isInt value || builtins.isFloat value;

  evalSubmodule =
    loc: modules: specialArgs: defs:
    lib.evalModules {
      inherit specialArgs;
      prefix = loc;
      modules = [
        { _module.args.name = if loc == [ ] then "‹name›" else lib.last loc; }
      ]
      ++ modules
      ++ map (
        { file, value }:
        {
          _file = file;
        }
        // (if builtins.isFunction value then { imports = [ value ]; } else { config = value; })
      ) defs;
    };

  composed = description: if lib.hasInfix " " description then "(${description})" else description;
in
{
  mergeOneOption = mergeOne;
  mergeEqualOption = mergeEqual;
  mkOptionType =
    {
      name,
      description ? name,
      check ? _: true,
      merge ? mergeOne,
      ...
    }@more:
    type description check ({ inherit merge; } // more);

  types = rec {
    raw = type "raw value" (_: true) { };
    unspecified = type "unspecified value" (_: true) { };
    anything = type "anything" (_: true) {
      merge =
        loc: defs:
        if builtins.length defs > 1 && builtins.all (def: builtins.isAttrs def.value) defs then
          (attrsOf anything).merge loc defs
        else
          mergeEqual loc defs;
    };
    bool = equal "boolean" builtins.isBool;
    int = equal "signed integer" builtins.isInt;
    float = equal "floating point number" builtins.isFloat;
    number = equal "integer or floating point number" isNumber;
    numbers = {
      positive = equal "positive integer or floating point number, meaning >0" (
        value: isNumber value && value > 0
      );
      nonnegative = equal "nonnegative integer or floating point number, meaning >=0" (
        value: isNumber value && value >= 0
      );
    };
    ints = {
      inherit between;
      positive = equal "positive integer, meaning >0" (value: builtins.isInt value && value > 0);
      unsigned = equal "unsigned integer, meaning >=0" (value: builtins.isInt value && value >= 0);
      u16 = between 0 65535;
    };
    port = equal "16 bit unsigned integer; between 0 and 65535 (both inclusive)" (between 0 65535).check;

    str = equal "string" builtins.isString;
    singleLineStr = equal "(optionally newline-terminated) single-line string" (
      value: builtins.isString value && builtins.match "[^\n\r]*\n?" value != null
    );
    nonEmptyStr = equal "non-empty string" (
      value: builtins.isString value && builtins.match "[ \t\n]*" value == null
    );
    strMatching =
      pattern:
      equal "string matching the pattern ${pattern}" (
        value: builtins.isString value && builtins.match pattern value != null
      );
    lines = joined "strings concatenated with \"\\n\"" "\n";
    commas = joined "strings concatenated with \",\"" ",";
    separatedString = separator: joined "strings concatenated with ${builtins.toJSON separator}" separator;

    path = equal "absolute path" (
      value:
      (builtins.isPath value || builtins.isString value || value ? outPath)
      && builtins.substring 0 1 (toString value) == "/"
    );
    package = type "package" (value: lib.isDerivation value || lib.isStorePath value) { };
    shellPackage = package;

    enum =
      values:
      equal "one of ${lib.concatMapStringsSep ", " (lib.generators.toPretty { }) values}" (
        value: builtins.elem value values
      );
    nullOr =
      inner:
      type "null or ${composed inner.description}" (value: value == null || inner.check value) {
        merge =
          loc: defs:
          let
            nulls = builtins.filter (def: def.value == null) defs;
          in
          if nulls == [ ] then
            inner.merge loc defs
          else if builtins.length nulls == builtins.length defs then
            null
          else
            throw "The option `${showOption loc}' is defined both null and not null. Definition values:${showDefs defs}";
      };
    either =
      a: b:
      type "${a.description} or ${composed b.description}" (value: a.check value || b.check value) {
        merge =
          loc: defs:
          let
            is = inner: builtins.all (def: inner.check def.value) defs;
          in
          if is a then
            a.merge loc defs
          else if is b then
            b.merge loc defs
          else
            mergeOne loc defs;
      };
    oneOf = inner: builtins.foldl' either (builtins.head inner) (builtins.tail inner);
    coercedTo =
      from: coerce: to:
      type "${to.description} or ${composed from.description} convertible to it"
        (value: to.check value || from.check value && to.check (coerce value))
        {
          merge =
            loc: defs:
            to.merge loc (
              map (def: def // { value = if from.check def.value then coerce def.value else def.value; }) defs
            );
        };
    addCheck =
      inner: check: inner // { check = value: inner.check value && check value; };
    uniq = inner: inner // { merge = mergeOne; };

    listOf =
      inner:
      type "list of ${composed inner.description}" builtins.isList {
        emptyValue = [ ];
        merge =
          loc: defs:
          lib.concatMap (
            def:
            lib.concatLists (
              lib.imap1 (
                n: value:
                let
                  merged =
                    lib.mergeDefinitions (loc ++ [ "[definition 1-entry ${toString n}]" ]) inner
                      [
                        {
                          inherit (def) file;
                          inherit value;
                        }
                      ];
                in
                lib.optional merged.isDefined merged.value
              ) def.value
            )
          ) defs;
      };
    nonEmptyListOf = inner: addCheck (listOf inner) (value: value != [ ]);
    attrsOf =
      inner:
      type "attribute set of ${composed inner.description}" builtins.isAttrs {
        emptyValue = { };
        merge =
          loc: defs:
          let
            all = builtins.zipAttrsWith (name: lib.mergeDefinitions (loc ++ [ name ]) inner) (
              map (
                { file, value }: builtins.mapAttrs (_: value: { inherit file value; }) value
              ) (lib.concatMap lib.pushDown defs)
            );
          in
          builtins.mapAttrs (_: merged: merged.value) (
            lib.filterAttrs (_: merged: merged.defs != [ ]) all
          );
      };
    lazyAttrsOf = attrsOf;
    attrs = type "attribute set" builtins.isAttrs {
      merge = _loc: defs: builtins.foldl' (sum: def: sum // def.value) { } defs;
    };
    functionTo = inner: type "function that evaluates to a(n) ${inner.description}" builtins.isFunction { };

    submodule = modules: submoduleWith { modules = lib.toList modules; };
    submoduleWith =
      {
        modules,
        specialArgs ? { },
        description ? "submodule",
        shorthandOnlyDefinesConfig ? true,
        ...
      }:
      type description (value: builtins.isAttrs value || builtins.isFunction value) {
        emptyValue = (evalSubmodule [ ] modules specialArgs [ ]).config;
        merge = loc: defs: (evalSubmodule loc modules specialArgs defs).config;
        getSubOptions = prefix: (evalSubmodule prefix modules specialArgs [ ]).options;
      };
  };
}
