# What the shipped modules make of a configuration, as plain data.
#
#   nix-instantiate --eval --strict --json shipped.nix --argstr shipped …/codemods/modules \
#     --arg modules '[ { services.hwc.monitor.x = …; } ]'
{ shipped, modules, current ? true, lib ? import ./lib.nix }:
let
  host = import ./host.nix { inherit current lib; packages = [ "curl" "libvirt" "netcat" "openssh" ]; };
in
host.facts (lib.evalModules {
  specialArgs = { inherit (host) pkgs; };
  modules = [ host.module (/. + "${shipped}/hwc-container.nix") (/. + "${shipped}/hwc-monitor.nix") ] ++ modules;
}).config
