# SABnzbd reaches the world through gluetun, which publishes its port (8081)
{ config, lib, ... }:

with lib;

let
  cfg = config.hwc.server.containers.sabnzbd;
  paths = config.hwc.paths;
in
{
  options.hwc.server.containers.sabnzbd.enable = mkEnableOption "SABnzbd";

  config = mkIf cfg.enable {
    virtualisation.oci-containers.containers.sabnzbd = {
      image = "lscr.io/linuxserver/sabnzbd:4.3.3";
      dependsOn = [ "gluetun" ];
      extraOptions = [ "--network=container:gluetun" ];
      volumes = [
        "${paths.hot}/containers/sabnzbd/config:/config"
        "${paths.hot}/downloads:/downloads"
        "${paths.hot}/events:/mnt/hot/events"
      ];
      environment = {
        PUID = "1000";
        PGID = "1000";
      } // optionalAttrs (config.time.timeZone != null) {
        TZ = config.time.timeZone;
      };
    };
  };
}
