{ config, lib, pkgs, ... }:
let
  helpers = import ../_shared { inherit lib pkgs; };
  cfg = config.hwc.server.containers.jellyseerr;
in
{
  options.hwc.server.containers.jellyseerr = {
    enable = lib.mkEnableOption "Jellyseerr requests";

    tag = lib.mkOption {
      type = lib.types.str;
      default = "2.3.0";
      description = "Version of the image";
    };
  };

  config = lib.mkIf cfg.enable (lib.mkMerge [
    (helpers.mkContainer {
      name = "jellyseerr";
      image = "docker.io/fallenbagel/jellyseerr:${cfg.tag}";
      ports = [ "5055:5055" ];
      volumes = [ "${config.hwc.paths.hot}/containers/jellyseerr:/app/config" ];
      environment.LOG_LEVEL = "info";
      dependsOn = [ "jellyfin" "radarr" "sonarr" ];
    })
  ]);
}
