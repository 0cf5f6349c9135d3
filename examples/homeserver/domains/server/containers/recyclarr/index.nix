{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.recyclarr;
in
{
  options.hwc.server.containers.recyclarr.enable = lib.mkEnableOption "Recyclarr quality profiles";

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.recyclarr = {
      # 7.4.0 (the digest is made up for this example)
      image = "ghcr.io/recyclarr/recyclarr@sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";
      user = "1000:1000";
      dependsOn = [ "radarr" "sonarr" ];
      extraOptions = [ "--network=media-network" ];
      volumes = [ "${config.hwc.paths.hot}/containers/recyclarr:/config" ];
      environment = {
        CRON_SCHEDULE = "@daily";
        TZ = config.time.timeZone;
      };
    };
  };
}
