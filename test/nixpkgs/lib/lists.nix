{ lib }:
{
  inherit (builtins)
    all
    any
    concatLists
    concatMap
    elem
    elemAt
    filter
    foldl'
    genList
    head
    isList
    length
    map
    partition
    sort
    tail
    ;

  optional = condition: value: if condition then [ value ] else [ ];
  optionals = condition: values: if condition then values else [ ];
  singleton = value: [ value ];
  toList = value: if builtins.isList value then value else [ value ];
  flatten =
    value: if builtins.isList value then builtins.concatMap lib.flatten value else [ value ];
  last = list: builtins.elemAt list (builtins.length list - 1);
  init = list: builtins.genList (builtins.elemAt list) (builtins.length list - 1);
  range = first: last: builtins.genList (n: first + n) (if last < first then 0 else last - first + 1);
  remove = value: builtins.filter (other: other != value);
  reverseList =
    list:
    let
      count = builtins.length list;
    in
    builtins.genList (n: builtins.elemAt list (count - n - 1)) count;
  unique = builtins.foldl' (seen: value: if builtins.elem value seen then seen else seen ++ [ value ]) [ ];
  imap0 = f: list: builtins.genList (n: f n (builtins.elemAt list n)) (builtins.length list);
  imap1 = f: lib.imap0 (n: f (n + 1));
  findFirst =
    predicate: default: list:
    let
      found = builtins.filter predicate list;
    in
    if found == [ ] then default else builtins.head found;
  foldr =
    f: end: list:
    builtins.foldl' (sum: value: f value sum) end (lib.reverseList list);

  id = value: value;
  const = value: _: value;
  flip =
    f: a: b:
    f b a;
  pipe = builtins.foldl' (value: f: f value);
  inherit (builtins)
    isAttrs
    isBool
    isFloat
    isFunction
    isInt
    isPath
    isString
    functionArgs
    seq
    deepSeq
    throw
    trace
    ;
  warn = message: builtins.trace "warning: ${message}";
  warnIf = condition: message: if condition then lib.warn message else lib.id;
  throwIf = condition: message: if condition then throw message else lib.id;
  throwIfNot = condition: lib.throwIf (!condition);
  assertMsg = condition: message: condition || throw message;
  min = a: b: if a < b then a else b;
  max = a: b: if a > b then a else b;
  mod = a: b: a - b * (a / b);
  importJSON = path: builtins.fromJSON (builtins.readFile path);
}
