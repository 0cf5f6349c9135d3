# Units that wait for their network, in the cases in which their containers have it
# with { zoo.mode = "media"; }
# with { zoo.mode = "vpn"; }
{ config, lib, ... }:
let
  cfg = config.zoo;
  made =
    { name, image, network ? "media" }:
    {
      virtualisation.oci-containers.containers.${name} = {
        inherit image;
        extraOptions = if network == "vpn" then [ "--network=container:gluetun" ] else [ "--network=media-network" ];
      };
      systemd.services."podman-${name}" = {
        after = if network == "vpn" then [ "podman-gluetun.service" ] else [ "init-media-network.service" ];
        wants = [ "network-online.target" ];
      };
    };
in
{
  options.zoo.mode = lib.mkOption {
    type = lib.types.enum [ "media" "vpn" ];
    default = "media";
  };

  config = lib.mkMerge [
    (made { name = "films"; image = "ghcr.io/zoo/films:1"; })
    (made { name = "music"; image = "ghcr.io/zoo/music:1"; network = "vpn"; })
    (made { name = "books"; image = "ghcr.io/zoo/books:1"; network = cfg.mode; })
    {
      virtualisation.oci-containers.containers.radio = {
        image = "ghcr.io/zoo/radio:1";
        extraOptions =
          [ "--memory=1g" ]
          ++ (if cfg.mode == "vpn" then [ "--network=container:gluetun" ] else [ "--network=media-network" ]);
      };
      systemd.services.podman-radio = {
        after =
          [ "network-online.target" ]
          ++ lib.optional (cfg.mode == "vpn") "podman-gluetun.service"
          ++ lib.optional (cfg.mode != "vpn") "init-media-network.service";
      };

      virtualisation.oci-containers.containers.clock = {
        image = "ghcr.io/zoo/clock:1";
        extraOptions = lib.optionals (cfg.mode == "media") [ "--network=container:gluetun" ];
      };
      systemd.services.podman-clock.after = lib.optionals (cfg.mode != "media") [ "podman-gluetun.service" ];
    }
  ];
}
