{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.homepage;
in
{
  options.hwc.server.containers.homepage.enable = lib.mkEnableOption "the start page";

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.homepage = {
      # Follows upstream on purpose: podman-auto-update pulls and rolls back
      image = "ghcr.io/gethomepage/homepage:latest";
      labels."io.containers.autoupdate" = "registry";
      extraOptions = [ "--network=media-network" ];
      ports = [ "3000:3000" ];
      volumes = [ "${config.hwc.paths.hot}/containers/homepage:/app/config" ];
      environment.HOMEPAGE_ALLOWED_HOSTS = "hwc-server:3000";
    };
  };
}
