# Tags and whole references that are put together
# with { }
# with { zoo.immich.version = "v1.121.0"; }
{ config, lib, ... }:
let
  version = config.zoo.immich.version;
  registry = "ghcr.io/immich-app";
  postgres = { repository = "docker.io/tensorchord/pgvecto-rs"; tag = "pg14-v0.2.0"; };
in
{
  options.zoo.immich.version = lib.mkOption {
    type = lib.types.str;
    default = "v1.120.2";
  };

  config.virtualisation.oci-containers.containers = {
    immich-server = {
      image = "ghcr.io/immich-app/immich-server:${version}";
      dependsOn = [ "immich-postgres" ];
      environmentFiles = [ "/run/secrets/immich.env" ];
      volumes = [ "/srv/photos:/usr/src/app/upload" ];
    };
    immich-ml = {
      image = "${registry}/immich-machine-learning:${version}-cuda";
      volumes = [ "immich-models:/cache" ];
    };
    immich-postgres = {
      image = "${postgres.repository}:${postgres.tag}";
      environment = {
        POSTGRES_USER = "immich";
        POSTGRES_DB = "immich";
      };
      environmentFiles = [ "/run/secrets/immich.env" ];
    };
  };
}
