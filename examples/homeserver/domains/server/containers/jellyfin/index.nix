{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.jellyfin;
  paths = config.hwc.paths;
in
{
  options.hwc.server.containers.jellyfin.enable = lib.mkEnableOption "Jellyfin media server";

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.jellyfin = {
      image = "docker.io/jellyfin/jellyfin:10.10.3";
      autoStart = true;

      # Hardware decoding on the CPU's graphics unit; the NVIDIA card is for ollama
      extraOptions = [
        "--network=media-network"
        "--device=/dev/dri:/dev/dri"
        "--memory=4g"
        "--memory-swap=6g"
      ];

      ports = [ "8096:8096" ];

      volumes = [
        "${paths.hot}/containers/jellyfin/config:/config"
        "${paths.hot}/containers/jellyfin/cache:/cache"
        "${paths.media}:/media:ro"
      ];

      environment.JELLYFIN_PublishedServerUrl = "http://hwc-server:8096";
    };

    networking.firewall.allowedTCPPorts = [ 8096 ];
  };
}
