# Devices of three kinds, and flags that the module has no option for
# with { zoo.coral = true; }
# with { zoo.coral = false; }
{ config, lib, ... }:
{
  options.zoo.coral = lib.mkEnableOption "the USB accelerator";

  config.virtualisation.oci-containers.containers.frigate = {
    image = "ghcr.io/blakeblackshear/frigate:0.14.1";
    volumes = [
      "/srv/frigate/config:/config"
      "/srv/frigate/media:/media/frigate"
    ];
    ports = [ "127.0.0.1:5000:5000" "8554:8554/tcp" "8555:8555/udp" ];
    extraOptions = [
      "--shm-size=256m"
      "--device=/dev/dri/renderD128:/dev/dri/renderD128"
    ]
    ++ lib.optional config.zoo.coral "--device=/dev/bus/usb:/dev/bus/usb"
    ++ [ "--mount=type=tmpfs,target=/cache,tmpfs-size=1000000000" ];
  };
}
