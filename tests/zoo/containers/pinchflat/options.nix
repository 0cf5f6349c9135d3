{ lib, ... }:
let
  inherit (lib) mkEnableOption mkOption types;
in
{
  options.zoo.pinchflat = {
    enable = mkEnableOption "Pinchflat";

    image = mkOption {
      type = types.str;
      default = "ghcr.io/kieraneglin/pinchflat:v2025.3.17";
      description = "Container image";
    };

    network.mode = mkOption {
      type = types.enum [ "media" "vpn" ];
      default = "media";
      description = "Network of the container";
    };

    gpu.enable = mkEnableOption "hardware transcoding";
  };
}
