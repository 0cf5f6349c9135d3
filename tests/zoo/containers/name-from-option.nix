# A name that only an option knows
# with { zoo.tunnel.name = "tunnel-home"; }
# with { zoo.tunnel.name = "tunnel-office"; }
{ config, lib, ... }:
{
  options.zoo.tunnel.name = lib.mkOption { type = lib.types.str; };

  config.virtualisation.oci-containers.containers.${config.zoo.tunnel.name} = {
    image = "docker.io/cloudflare/cloudflared:2024.12.1";
    cmd = [ "tunnel" "run" ];
    environmentFiles = [ "/run/secrets/tunnel.env" ];
  };
}
