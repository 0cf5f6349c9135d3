{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.radarr;
  paths = config.hwc.paths;
in {
  options.hwc.server.containers.radarr = {
    enable = lib.mkEnableOption "Radarr movie management";
    # Other options...
  };

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.radarr = {
      image = "lscr.io/linuxserver/radarr:latest";
      autoStart = true;

      extraOptions = [
        "--network=media-network"
        "--memory=1g"
        "--memory-swap=2g"
        "--cpus=0.5"
      ];

      volumes = [
        "${paths.hot}/containers/radarr/config:/config"
        "${paths.media}:/media"
        "${paths.hot}/downloads:/downloads"
      ];

      ports = [ "7878:7878" ];

      environment = {
        PUID = "1000";
        PGID = "1000";
        TZ = config.time.timeZone;
      };
    };

    systemd.services."podman-radarr".after = [ "network-online.target" "init-media-network.service" ];
    systemd.services."podman-radarr".wants = [ "network-online.target" ];
  };
}
