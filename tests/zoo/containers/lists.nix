# Lists that are computed: map, ++, concatMap over attributes, a list that two containers share
{ lib, ... }:
let
  common = [ "--network=monitoring" "--memory=512m" ];
  shares = [ "films" "series" ];
  targets = { node = 9100; cadvisor = 8080; };
in
{
  virtualisation.oci-containers.containers = {
    prometheus = {
      image = "docker.io/prom/prometheus:v3.0.1";
      extraOptions = common ++ [ "--user=65534:65534" ];
      cmd = [ "--config.file=/etc/prometheus.yml" ]
        ++ lib.mapAttrsToList (name: port: "--zoo.target=${name}:${toString port}") targets;
      volumes = map (name: "/etc/zoo/${name}.yml:/etc/${name}.yml:ro") [ "prometheus" "rules" ];
    };
    bazarr = {
      image = "lscr.io/linuxserver/bazarr:1.5.0";
      volumes = [ "/srv/bazarr:/config" ] ++ map (share: "/srv/media/${share}:/${share}") shares;
      environment = { PUID = "1000"; PGID = "1000"; };
      extraOptions = [ "--hostname=bazarr" ] ++ common ++ [ "--env=DEBUG=1" ];
    };
  };
}
