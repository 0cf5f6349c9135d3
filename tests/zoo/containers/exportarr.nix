# genAttrs: the same container several times
{ lib, ... }:
{
  virtualisation.oci-containers.containers =
    lib.genAttrs [ "exportarr-radarr" "exportarr-sonarr" ] (name: {
      image = "ghcr.io/onedr0p/exportarr:v2.0.1";
      cmd = [ (lib.removePrefix "exportarr-" name) ];
      environment.PORT = "9707";
      extraOptions = [ "--network=media-network" ];
    });
}
