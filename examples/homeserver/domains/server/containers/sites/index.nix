# Static pages: the house handbook and the recipe book
{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.sites;
  paths = config.hwc.paths;

  ports = {
    handbook = 8091;
    recipes = 8092;
  };
in
{
  options.hwc.server.containers.sites.enable = lib.mkEnableOption "static sites";

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers = lib.genAttrs [ "handbook" "recipes" ] (site: {
      image = "docker.io/library/nginx:1.27.3-alpine";
      extraOptions = [ "--network=media-network" "--memory=64m" ];
      ports = [ "${toString ports.${site}}:80" ];
      volumes = [ "${paths.cold}/sites/${site}:/usr/share/nginx/html:ro" ];
    });
  };
}
