# A small stand-in for nixpkgs' lib: as much of the module system as the tests' configurations use.
#
# It follows nixpkgs in what shows in a result: which definition wins, in which order lists are joined,
# and what is an error. The tests compare both where nixpkgs' lib is at hand.
let
  inherit (builtins)
    attrNames concatLists concatMap concatStringsSep elem elemAt filter foldl' functionArgs genList
    genericClosure head isAttrs isBool isFloat isFunction isInt isList isPath isString length listToAttrs map
    mapAttrs match removeAttrs replaceStrings sort stringLength substring toJSON typeOf;

  # -- plain functions -------------------------------------------------------------------------------

  id = x: x;
  const = x: _: x;
  last = list: elemAt list (length list - 1);
  all = pred: list: filter (x: !pred x) list == [ ];
  reverseList = list: genList (n: elemAt list (length list - 1 - n)) (length list);
  optional = condition: x: if condition then [ x ] else [ ];
  optionals = condition: list: if condition then list else [ ];
  optionalString = condition: text: if condition then text else "";
  optionalAttrs = condition: set: if condition then set else { };
  nameValuePair = name: value: { inherit name value; };
  genAttrs = names: f: listToAttrs (map (name: nameValuePair name (f name)) names);
  mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
  mapAttrs' = f: set: listToAttrs (mapAttrsToList f set);
  filterAttrs = pred: set:
    listToAttrs (concatMap (name: optional (pred name set.${name}) (nameValuePair name set.${name})) (attrNames set));
  concatMapStringsSep = separator: f: list: concatStringsSep separator (map f list);
  groupBy = pred: list:
    foldl' (groups: x: let key = pred x; in groups // { ${key} = (groups.${key} or [ ]) ++ [ x ]; }) { } list;
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  letters = text: genList (n: substring n 1 text) (stringLength text);
  lower = letters "abcdefghijklmnopqrstuvwxyz";
  upper = letters "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  toLower = replaceStrings upper lower;
  toUpper = replaceStrings lower upper;
  boolToString = value: if value then "true" else "false";
  concatMapAttrs = f: set: foldl' (all: name: all // f name set.${name}) { } (attrNames set);
  escapeShellArg = value:
    if match "[[:alnum:],._+:@%/-]+" (toString value) != null then toString value
    else "'${replaceStrings [ "'" ] [ "'\\''" ] (toString value)}'";
  flatten = value: if isList value then concatMap flatten value else [ value ];
  getExe = package: "${package}/bin/${package.meta.mainProgram}";
  hasSuffix = suffix: text:
    let start = stringLength text - stringLength suffix; in start >= 0 && substring start (-1) text == suffix;
  imap1 = f: list: genList (n: f (n + 1) (elemAt list n)) (length list);
  range = first: end: genList (n: first + n) (if end < first then 0 else end - first + 1);
  recursiveUpdate = base: over:
    base // mapAttrs (name: value:
      if isAttrs value && isAttrs (base.${name} or null) then recursiveUpdate base.${name} value else value) over;
  removePrefix = prefix: text:
    if hasPrefix prefix text then substring (stringLength prefix) (-1) text else text;
  unique = foldl' (known: x: if elem x known then known else known ++ [ x ]) [ ];
  zipAttrs = sets:
    genAttrs (concatMap attrNames sets) (name: concatMap (set: optional (set ? ${name}) set.${name}) sets);

  # -- what a definition may be wrapped in -----------------------------------------------------------

  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkOptionDefault = mkOverride 1500;
  mkDefault = mkOverride 1000;
  mkForce = mkOverride 50;
  usual = 100;

  mkOrder = order: content: { _type = "order"; inherit order content; };
  mkBefore = mkOrder 500;
  mkAfter = mkOrder 1500;

  wrapOf = value: if isAttrs value then value._type or "" else "";

  # The sets that a definition of a set amounts to, its wraps moved onto their values.
  pushDown = value:
    {
      merge = concatMap pushDown value.contents;
      "if" = map (mapAttrs (_: mkIf value.condition)) (pushDown value.content);
      override = map (mapAttrs (_: mkOverride value.priority)) (pushDown value.content);
      order = map (mapAttrs (_: mkOrder value.order)) (pushDown value.content);
    }.${wrapOf value} or [ value ];

  # The values that a definition of an option amounts to, with their priorities.
  discharge = value:
    {
      merge = concatMap discharge value.contents;
      "if" = if value.condition then discharge value.content else [ ];
      override = map (one: one // { inherit (value) priority; }) (discharge value.content);
      order = map (one: one // { inherit (value) order; }) (discharge value.content);
    }.${wrapOf value} or [ { priority = usual; order = 1000; inherit value; } ];

  strongest = found:
    let
      priority = foldl' (least: one: if one.priority < least then one.priority else least) 9999 found;
      kept = filter (one: one.priority == priority) found;
    in
    map (one: one.value) (sort (one: other: one.order < other.order) kept);

  # -- types -----------------------------------------------------------------------------------------

  show = concatStringsSep ".";
  mkOptionType = { name, check ? const true, merge ? mergeEqual, empty ? [ ] }: {
    _type = "option-type";
    inherit name check merge empty;
  };

  mergeEqual = loc: values:
    if all (value: value == head values) values
    then head values
    else throw "The option `${show loc}' has conflicting definition values";
  mergeOne = loc: values:
    if length values == 1 then head values else throw "The option `${show loc}' is defined more than once";

  # What definitions come to: a list of one, or an empty list when there are none.
  defined = loc: type: definitions:
    let values = strongest (concatMap discharge definitions);
    in if values == [ ] then [ ]
    else if all type.check values then [ (type.merge loc values) ]
    else throw "A definition for option `${show loc}' is not of type `${type.name}'";

  # The same for an option, whose type may have a value without any definition.
  merged = loc: type: definitions:
    let found = defined loc type definitions; in if found == [ ] then type.empty else found;

  required = loc: found:
    if found == [ ] then throw "The option `${show loc}' was accessed but has no value defined" else head found;

  isDerivation = value: isAttrs value && (value ? outPath || value ? __toString);

  types = rec {
    anything = mkOptionType {
      name = "anything";
      merge = loc: values:
        let kinds = map (value: if isDerivation value then "derivation" else typeOf value) values;
        in if !(all (kind: kind == head kinds) kinds)
        then throw "The option `${show loc}' has conflicting option types"
        else ({ set = (attrsOf anything).merge; derivation = mergeOne; }.${head kinds} or mergeEqual) loc values;
    };
    unspecified = mkOptionType { name = "unspecified"; merge = mergeOne; };
    raw = unspecified;
    package = mkOptionType { name = "package"; check = isDerivation; merge = mergeOne; };
    bool = mkOptionType { name = "bool"; check = isBool; };
    int = mkOptionType { name = "int"; check = isInt; };
    ints.positive = mkOptionType { name = "positive int"; check = value: isInt value && value > 0; };
    ints.unsigned = mkOptionType { name = "unsigned int"; check = value: isInt value && value >= 0; };
    port = mkOptionType { name = "port"; check = value: isInt value && value >= 0 && value <= 65535; };
    number = mkOptionType { name = "number"; check = value: isInt value || isFloat value; };
    str = mkOptionType { name = "str"; check = isString; };
    lines = mkOptionType { name = "lines"; check = isString; merge = _: concatStringsSep "\n"; };
    path = mkOptionType {
      name = "path";
      check = value: isPath value || isDerivation value || isString value && match "/.*" value != null;
    };
    enum = values: mkOptionType { name = "one of ${toJSON values}"; check = value: elem value values; };
    nullOr = type: mkOptionType {
      name = "null or ${type.name}";
      check = value: value == null || type.check value;
      merge = loc: values:
        if all (value: value == null) values then null
        else if elem null values then throw "The option `${show loc}' is both null and not null"
        else type.merge loc values;
      empty = [ null ];
    };
    either = one: other: mkOptionType {
      name = "${one.name} or ${other.name}";
      check = value: one.check value || other.check value;
      merge = loc: values: (if all one.check values then one else other).merge loc values;
    };
    listOf = type: mkOptionType {
      name = "list of ${type.name}";
      check = isList;
      merge = loc: values: concatMap (value: defined loc type [ value ]) (concatLists values);
      empty = [ [ ] ];
    };
    attrsOf = type: mkOptionType {
      name = "attribute set of ${type.name}";
      check = isAttrs;
      merge = loc: values:
        let found = mapAttrs (name: defined (loc ++ [ name ]) type) (zipAttrs (concatMap pushDown values));
        in mapAttrs (_: head) (filterAttrs (_: one: one != [ ]) found);
      empty = [ { } ];
    };
    lazyAttrsOf = attrsOf;
    submodule = module: mkOptionType {
      name = "submodule";
      check = value: isAttrs value || isFunction value;
      merge = submoduleMerge module;
      empty = [ (submoduleMerge module [ ] [ ]) ];
    };
  };

  submoduleMerge = module: loc: values:
    (evalModules {
      prefix = loc;
      specialArgs = optionalAttrs (loc != [ ]) { name = last loc; };
      modules = (if isList module then module else [ module ])
        ++ map (value: if isFunction value then value else { config = value; }) values;
    }).config;

  # -- options and modules ---------------------------------------------------------------------------

  mkOption = attrs: attrs // { _type = "option"; };
  mkEnableOption = name: mkOption {
    type = types.bool;
    default = false;
    description = "Whether to enable ${name}.";
  };
  isOption = value: wrapOf value == "option";

  evalModules = { modules, specialArgs ? { }, prefix ? [ ] }:
    let
      args = { inherit lib; config = raw; options = declarations; } // specialArgs;
      argument = name: args.${name} or raw._module.args.${name};
      internal = { _module.args = mkOption { type = types.attrsOf types.raw; default = { }; }; };

      load = place: module:
        if isPath module || isString module then load (toString module) (import module)
        else if isFunction module then load place (module (args // mapAttrs (name: _: argument name) (functionArgs module)))
        else rec {
          key = module.key or place;
          whole = module ? config || module ? options;
          free = module.freeformType or null;
          options = module.options or { };
          config = if whole then module.config or { } else removeAttrs module [ "_file" "key" "imports" "freeformType" ];
          imports = loadAll key (module.imports or [ ]);
        };
      keyOf = parent: number: module: if isPath module then toString module else "${parent}:${toString number}";
      loadAll = parent: list:
        genList (n: let module = elemAt list n; in load (keyOf parent n module) module) (length list);

      # Imports come before what imports them; a file that is imported twice counts once.
      loaded = reverseList (genericClosure {
        startSet = loadAll "" modules;
        operator = module: module.imports;
      });
      declarations = [ internal ] ++ map (module: module.options) loaded;
      definitions = map (module: module.config) loaded;
      freeform = filter (type: type != null) (map (module: module.free) loaded);

      # What the modules see is not checked yet: which options there are must not depend on their values.
      raw =
        if freeform == [ ] then tree.value
        else update ((head freeform).merge prefix (map nested tree.unmatched)) tree.value;
      tree = level prefix declarations definitions;
      checked =
        if freeform != [ ] || tree.unmatched == [ ] then raw
        else throw "The option `${show (prefix ++ (head tree.unmatched).path)}' does not exist";
    in
    { config = removeAttrs checked [ "_module" ]; };

  nested = { path, value }: foldl' (inner: name: { ${name} = inner; }) value (reverseList path);
  update = base: over:
    base // mapAttrs (name: value:
      if isAttrs (base.${name} or null) && isAttrs value && !isDerivation value
      then update base.${name} value else value) over;

  # One level of the option tree: its values, and the definitions that no option declares.
  level = path: declarations: definitions:
    let
      declared = zipAttrs declarations;
      defined = zipAttrs (concatMap pushDown definitions);
      below = mapAttrs (name: declared: level (path ++ [ name ]) declared (defined.${name} or [ ]))
        (filterAttrs (_: found: !(isOption (head found))) declared);
      option = name: found:
        if length found > 1 then throw "The option `${show (path ++ [ name ])}' is declared twice"
        else valueOf (path ++ [ name ]) (head found) (defined.${name} or [ ]);
      strange = filter (name: !(declared ? ${name})) (attrNames defined);
    in
    {
      value = mapAttrs (name: found: if isOption (head found) then option name found else below.${name}.value) declared;
      unmatched =
        concatMap (name: map (value: { path = [ name ]; inherit value; }) defined.${name}) strange
        ++ concatLists (mapAttrsToList (name: one: map (found: found // { path = [ name ] ++ found.path; }) one.unmatched) below);
    };

  valueOf = loc: option: definitions:
    let
      default = optional (option ? default) (mkOptionDefault option.default);
      value = required loc (merged loc (option.type or types.unspecified) (definitions ++ default));
    in
    (option.apply or id) value;

  lib = {
    inherit
      boolToString concatMapAttrs concatMapStringsSep const escapeShellArg evalModules filterAttrs
      flatten genAttrs getExe groupBy hasPrefix hasSuffix id imap1 isDerivation isOption last mapAttrs'
      mapAttrsToList mkAfter mkBefore mkDefault mkEnableOption mkForce mkIf mkMerge mkOption
      mkOptionDefault mkOptionType mkOrder mkOverride nameValuePair optional optionalAttrs
      optionalString optionals range recursiveUpdate removePrefix reverseList toLower toUpper types
      unique zipAttrs;
    inherit (builtins)
      all any attrNames attrValues concatLists concatMap concatStringsSep elem elemAt filter foldl' genList head
      isAttrs isBool isFunction isInt isList isString length listToAttrs mapAttrs match removeAttrs replaceStrings
      tail toJSON;
    literalExpression = text: { _type = "literalExpression"; inherit text; };
    toList = value: if isList value then value else [ value ];
  };
in
lib
