# One container over several bindings of one file, and an attribute path down to a single variable
# with { zoo.mqtt.tls = true; }
# with { }
{ config, lib, ... }:
{
  options.zoo.mqtt.tls = lib.mkEnableOption "TLS";

  config = {
    virtualisation.oci-containers.containers.mosquitto.image = "docker.io/library/eclipse-mosquitto:2.0.20";
    virtualisation.oci-containers.containers.mosquitto.ports =
      [ "1883:1883" ] ++ lib.optional config.zoo.mqtt.tls "8883:8883";
    virtualisation.oci-containers.containers.mosquitto.environment.TZ = "Europe/Zurich";

    # The bridge reads what the broker hears
    virtualisation.oci-containers.containers.zigbee2mqtt = {
      image = "ghcr.io/koenkk/zigbee2mqtt:1.42.0";
      dependsOn = [ "mosquitto" ];
    };
    virtualisation.oci-containers.containers.zigbee2mqtt.extraOptions = [
      "--device=/dev/ttyUSB0:/dev/ttyACM0"
      "--group-add=dialout"
    ];
    virtualisation.oci-containers.containers.mosquitto.volumes = [ "/srv/mosquitto:/mosquitto" ];
  };
}
