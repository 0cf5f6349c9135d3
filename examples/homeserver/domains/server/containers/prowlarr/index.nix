{ config, lib, ... }:

let
  cfg = config.hwc.server.containers.prowlarr;
  inherit (config.hwc) paths;
in
{
  options.hwc.server.containers.prowlarr.enable = lib.mkEnableOption "Prowlarr indexer management";

  config = lib.mkIf cfg.enable {
    virtualisation = {
      oci-containers = {
        containers = {
          prowlarr = {
            image = "lscr.io/linuxserver/prowlarr:1.25.4";
            ports = [ "127.0.0.1:9696:9696" ];
            volumes = [ "${paths.hot}/containers/prowlarr/config:/config" ];
            environment = {
              PUID = "1000";
              PGID = "1000";
              # The indexers' calendars are in UTC
              TZ = "Etc/UTC";
            };
            extraOptions = [ "--network=media-network" "--memory=512m" ];
          };
        };
      };
    };
  };
}
