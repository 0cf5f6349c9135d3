# recursiveUpdate of a base that several share
{ lib, ... }:
let
  base = {
    image = "docker.io/library/postgres:16.6";
    environment = { POSTGRES_DB = "app"; POSTGRES_HOST_AUTH_METHOD = "trust"; };
    extraOptions = [ "--network=db" "--shm-size=128m" ];
  };
in
{
  virtualisation.oci-containers.containers = {
    pg-wiki = lib.recursiveUpdate base { environment.POSTGRES_DB = "wiki"; volumes = [ "/srv/pg/wiki:/var/lib/postgresql/data" ]; };
    pg-mail = base // { environment = base.environment // { POSTGRES_DB = "mail"; }; };
  };
}
