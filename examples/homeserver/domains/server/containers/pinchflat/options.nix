{ lib, ... }:
let
  inherit (lib) mkEnableOption mkOption types;
in
{
  options.hwc.server.containers.pinchflat = {
    enable = mkEnableOption "Pinchflat channel archiver";

    image = mkOption {
      type = types.str;
      default = "ghcr.io/kieraneglin/pinchflat:v2025.3.17";
      description = "Container image";
    };

    network.mode = mkOption {
      type = types.enum [ "media" "vpn" ];
      default = "media";
      description = "Join the media network or go out through gluetun";
    };

    gpu.enable = mkEnableOption "hardware transcoding";
  };
}
