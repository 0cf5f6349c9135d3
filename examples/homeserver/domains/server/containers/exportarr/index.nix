# One Prometheus exporter for each *arr application
{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.exportarr;

  targets = [
    { app = "radarr"; port = 7878; metrics = 9707; }
    { app = "sonarr"; port = 8989; metrics = 9708; }
    { app = "prowlarr"; port = 9696; metrics = 9709; }
  ];
in
{
  options.hwc.server.containers.exportarr.enable = lib.mkEnableOption "metrics of the *arr applications";

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers = lib.listToAttrs (map
      (target: lib.nameValuePair "exportarr-${target.app}" {
        image = "ghcr.io/onedr0p/exportarr:v2.0.1";
        cmd = [ target.app ];
        user = "0:0"; # the key is root's
        dependsOn = [ target.app ];
        extraOptions = [ "--network=media-network" ];
        ports = [ "127.0.0.1:${toString target.metrics}:${toString target.metrics}" ];
        volumes = [ "${config.age.secrets."${target.app}-api-key".path}:/run/api-key:ro" ];
        environment = {
          PORT = toString target.metrics;
          URL = "http://${target.app}:${toString target.port}";
          API_KEY_FILE = "/run/api-key";
        };
      })
      targets);
  };
}
