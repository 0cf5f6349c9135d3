# Secrets: files of agenix and sops-nix as environment files, and as volumes
# with { age.secrets.db = { }; sops.secrets."app/env" = { }; }
{ config, lib, ... }:
{
  virtualisation.oci-containers.containers.authelia = {
    image = "docker.io/authelia/authelia:4.38.17";
    environmentFiles = [
      config.age.secrets.db.path
      config.sops.secrets."app/env".path
    ];
    volumes = [ "${config.age.secrets.db.path}:/run/db:ro" ];
    environment = {
      AUTHELIA_STORAGE_POSTGRES_PASSWORD_FILE = "/run/db";
      TZ = if config.time.timeZone == null then "UTC" else config.time.timeZone;
    };
    extraOptions = [ "--network=auth" "--health-cmd=authelia --version" "--health-interval=30s" ];
  };
}
