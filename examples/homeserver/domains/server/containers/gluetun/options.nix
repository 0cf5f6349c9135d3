{ lib, ... }:
let
  inherit (lib) mkEnableOption mkOption types;
in
{
  options.hwc.server.containers.gluetun = {
    enable = mkEnableOption "Gluetun VPN gateway";

    image = mkOption {
      type = types.str;
      default = "qmcgaw/gluetun:latest";
      description = "Gluetun container image";
    };
  };
}
