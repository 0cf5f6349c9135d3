{
  config,
  lib,
  ...
}:
let
  cfg = config.hwc.server.containers.zigbee2mqtt;
in
{
  options.hwc.server.containers.zigbee2mqtt = {
    enable = lib.mkEnableOption "Zigbee2MQTT";

    adapter = lib.mkOption {
      type = lib.types.str;
      default = "/dev/serial/by-id/usb-ITead_Sonoff_Zigbee_3.0_USB_Dongle_Plus-if00-port0";
      description = "Serial device of the coordinator";
    };
  };

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.zigbee2mqtt = {
      image = "ghcr.io/koenkk/zigbee2mqtt";
      extraOptions = [
        "--network=host"
        "--device=${cfg.adapter}:/dev/ttyACM0"
      ];
      volumes = [
        "${config.hwc.paths.hot}/containers/zigbee2mqtt:/app/data"
        "/run/udev:/run/udev:ro"
      ];
      environment = {
        TZ = config.time.timeZone;
      };
    };
  };
}
