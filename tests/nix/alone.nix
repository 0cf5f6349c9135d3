# What the containers of one module come to when it stands alone: nothing else of its configuration is evaluated,
# and what it reads of the rest are stand-ins.
{ file, arguments, more ? [ ], lib ? import ./lib.nix }:
let
  host = import ./host.nix { inherit lib; };
  path = text: /. + text;

  # Taken for a package, a string, a function that gives the same again, and a set with a few names.
  package = name: {
    type = "derivation";
    inherit name;
    outPath = "/nix/store/00000000000000000000000000000000-${name}";
    meta.mainProgram = name;
    generate = package name;
    __functor = self: _: self;
  };

  # The parts of a definition that are of interest, in the wraps that stand around them.
  wanted = lib.optionalAttrs (more != [ ]) { services.hwc = { }; } // {
    systemd.services = name: builtins.match "(podman|docker)-.*" name != null;
    virtualisation.oci-containers = { };
  };
  pick = wanted: value:
    {
      merge = lib.mkMerge (map (pick wanted) value.contents);
      "if" = lib.mkIf value.condition (pick wanted value.content);
      override = lib.mkOverride value.priority (pick wanted value.content);
      order = lib.mkOrder value.order (pick wanted value.content);
    }.${value._type or ""} or (
      if wanted == { } then value
      else if builtins.isFunction wanted then lib.filterAttrs (name: _: wanted name) value
      else builtins.mapAttrs (name: pick wanted.${name}) (builtins.intersectAttrs wanted value)
    );

  result = given:
    let
      module = import (path file);
      formals = builtins.functionArgs module;
      value =
        if !(builtins.isFunction module) then module
        else module (if formals == { } then given else builtins.intersectAttrs formals given);
      zone = given.config.time.timeZone or null;
    in
    host.facts (lib.evalModules {
      specialArgs = { inherit (given) pkgs; };
      modules = [
        host.module
        { config = pick wanted (if value ? config || value ? options then value.config or { } else value); }
        { time.timeZone = if builtins.isString zone then zone else null; }
      ] ++ map path more;
    }).config;
in
map (given: result (given { inherit lib package; })) arguments
