# mapAttrs' and mapAttrs over a table of what differs
{ lib, ... }:
let
  games = {
    creative = { port = 25565; mode = "creative"; };
    survival = { port = 25566; mode = "survival"; };
  };
  proxies = { web = "10.0.0.2"; ssh = "10.0.0.3"; };
in
{
  virtualisation.oci-containers.containers =
    lib.mapAttrs' (world: { port, mode }: lib.nameValuePair "minecraft-${world}" {
      image = "docker.io/itzg/minecraft-server:2024.12.1-java21";
      ports = [ "${toString port}:25565" ];
      environment = {
        EULA = "TRUE";
        MODE = mode;
        MEMORY = "2G";
      };
      volumes = [ "/srv/minecraft/${world}:/data" ];
      extraOptions = [ "--memory=3g" ];
    }) games
    // lib.mapAttrs (name: address: {
      image = "docker.io/zoo/forward:1.0";
      cmd = [ address ];
      extraOptions = [ "--network=host" ];
    }) proxies;
}
