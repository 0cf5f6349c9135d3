# Frigate: the cameras. Decodes on the CPU's graphics unit, detects on a USB Coral.
{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.frigate;
  paths = config.hwc.paths;
in
{
  options.hwc.server.containers.frigate.enable = lib.mkEnableOption "Frigate";

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.frigate = {
      image = "ghcr.io/blakeblackshear/frigate:0.14.1";
      autoStart = true;
      extraOptions = [
        "--privileged" # TODO: find out what it really needs
        "--network=media-network"
        "--device=/dev/dri/renderD128:/dev/dri/renderD128"
        "--device=/dev/bus/usb:/dev/bus/usb"
        "--shm-size=256m"
        "--mount=type=tmpfs,target=/tmp/cache,tmpfs-size=1000000000"
      ];
      ports = [
        "8971:8971" # authenticated UI
        "8554:8554" # RTSP restream
      ];
      volumes = [
        "${paths.hot}/containers/frigate/config:/config"
        "${paths.cold}/cameras:/media/frigate"
      ];
      environmentFiles = [ config.age.secrets.frigate-env.path ];
    };
  };
}
