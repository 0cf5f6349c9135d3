# An attribute path, volumes from two options, and the order of the unit beside it
# with { zoo.radarr.enable = true; }
# with { zoo.radarr.enable = true; zoo.paths.media = "/tank/media"; time.timeZone = "Europe/Madrid"; }
{ config, lib, ... }:
let
  cfg = config.zoo.radarr;
  paths = config.zoo.paths;
in
{
  options.zoo = {
    radarr.enable = lib.mkEnableOption "Radarr";
    paths.media = lib.mkOption {
      type = lib.types.str;
      default = "/srv/media";
    };
  };

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.radarr = {
      image = "lscr.io/linuxserver/radarr:5.14.0";
      autoStart = true;
      extraOptions = [
        "--network=media-network"
        "--memory=1g"
        "--memory-swap=2g"
        "--cpus=0.5"
      ];
      ports = [ "7878:7878" ];
      volumes = [
        "/var/lib/radarr:/config"
        "${paths.media}:/media"
        "${paths.media}/incoming:/downloads:rw"
      ];
      environment = {
        PUID = "1000";
        PGID = "1000";
      }
      // lib.optionalAttrs (config.time.timeZone != null) { TZ = config.time.timeZone; };
    };

    systemd.services.podman-radarr = {
      after = [ "network-online.target" "init-media-network.service" ];
      wants = [ "network-online.target" ];
    };
  };
}
