# What the containers and health checks of one module come to, once for each set of settings.
#
# Everything that the module sets and that host.nix does not declare is taken as it is.
{ file, settings, more ? [ ], packages ? [ ], lib ? import ./lib.nix }:
let
  host = import ./host.nix { inherit lib packages; };
  free.freeformType = lib.types.attrsOf lib.types.anything;
  path = text: /. + text;
in
map (
  setting:
  host.facts (lib.evalModules {
    specialArgs = { inherit (host) pkgs; };
    modules = [ host.module free (path file) setting ] ++ map path more;
  }).config
) settings
