{ lib, pkgs, ... }:
rec {
  # Flags by the word of the option
  networkFlags = mode:
    if mode == "vpn" then [ "--network=container:gluetun" ] else [ "--network=media-network" ];

  mkContainer =
    { name
    , image
    , networkMode ? "media"
    , gpuEnable ? false
    , timeZone ? null
    , memory ? "2g"
    , ports ? [ ]
    , volumes ? [ "/srv/${name}:/config" ]
    , environment ? { }
    , extraOptions ? [ ]
    }:
    let
      linuxserver = {
        PUID = "1000";
        PGID = "1000";
      };
      zone = lib.optionalAttrs (timeZone != null) { TZ = timeZone; };
    in
    {
      virtualisation.oci-containers.containers.${name} = {
        inherit image volumes;
        autoStart = true;
        ports = lib.optionals (networkMode != "vpn") ports;
        environment = linuxserver // zone // environment;
        extraOptions =
          networkFlags networkMode
          ++ lib.optional gpuEnable "--device=/dev/dri:/dev/dri"
          ++ [ "--memory=${memory}" ]
          ++ extraOptions;
        dependsOn = lib.optional (networkMode == "vpn") "gluetun";
      };
    };
}
