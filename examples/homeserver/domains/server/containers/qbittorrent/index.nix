{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.qbittorrent;
  paths = config.hwc.paths;
  webuiPort = 8080; # published by gluetun
in
{
  options.hwc.server.containers.qbittorrent.enable = lib.mkEnableOption "qBittorrent";

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers."qbittorrent" = {
      image = "lscr.io/linuxserver/qbittorrent:5.0.2";
      autoStart = true;
      dependsOn = [ "gluetun" ];
      extraOptions = [
        "--network=container:gluetun"
        "--memory=2g"
      ];
      volumes = [
        "${paths.hot}/containers/qbittorrent/config:/config"
        "${paths.hot}/downloads:/downloads"
      ];
      environment = {
        PUID = "1000";
        PGID = "1000";
        UMASK = "002";
        WEBUI_PORT = toString webuiPort;
      };
    };

    # gluetun owns the network: come back when it does
    systemd.services.podman-qbittorrent = {
      bindsTo = [ "podman-gluetun.service" ];
      partOf = [ "podman-gluetun.service" ];
    };
  };
}
