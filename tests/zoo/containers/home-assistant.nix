# A quoted name, the host's network, privileges by option, and a device under /dev/serial
{ ... }:
{
  virtualisation.oci-containers.containers."home-assistant" = {
    image = "ghcr.io/home-assistant/home-assistant:2024.12.1";
    volumes = [
      "/var/lib/hass:/config"
      "/etc/localtime:/etc/localtime:ro"
      "/run/dbus:/run/dbus:ro"
    ];
    environment.TZ = "Europe/Amsterdam";
    privileged = true;
    extraOptions = [
      "--network=host"
      "--device=/dev/serial/by-id/usb-zoo_stick-if00:/dev/ttyACM0"
    ];
  };
}
