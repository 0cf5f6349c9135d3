# listToAttrs over a list of sets
# with { }
# with { zoo.sites.domain = "example.net"; }
{ config, lib, ... }:
let
  sites = [
    { host = "handbook"; port = 8101; }
    { host = "status"; port = 8102; }
  ];
in
{
  options.zoo.sites.domain = lib.mkOption {
    type = lib.types.str;
    default = "example.org";
  };

  config.virtualisation.oci-containers.containers = builtins.listToAttrs (map (site: {
    name = "site-${site.host}";
    value = {
      image = "docker.io/library/nginx:1.27.3-alpine";
      ports = [ "127.0.0.1:${toString site.port}:80" ];
      volumes = [ "/srv/www/${site.host}:/usr/share/nginx/html:ro" ];
      labels = {
        "traefik.enable" = "true";
        "traefik.http.routers.${site.host}.rule" = "Host(`${site.host}.${config.zoo.sites.domain}`)";
      };
    };
  }) sites);
}
