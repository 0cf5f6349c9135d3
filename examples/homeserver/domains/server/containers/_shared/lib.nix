# Helpers for containers that differ in little more than name and image
{ lib, ... }:
rec {
  networkOptions = mode:
    if mode == "vpn"
    then [ "--network=container:gluetun" ]
    else [ "--network=media-network" ];

  # What linuxserver.io images expect
  lsioEnvironment = {
    PUID = "1000";
    PGID = "1000";
  };

  mkContainer =
    { name
    , image
    , networkMode ? "media"
    , ports ? [ ]
    , volumes ? [ ]
    , environment ? { }
    , extraOptions ? [ ]
    , dependsOn ? [ ]
    }:
    {
      virtualisation.oci-containers.containers.${name} = {
        inherit image volumes;
        autoStart = true;
        ports = lib.optionals (networkMode != "vpn") ports;
        environment = lsioEnvironment // environment;
        extraOptions = networkOptions networkMode ++ extraOptions;
        dependsOn = dependsOn ++ lib.optional (networkMode == "vpn") "gluetun";
      };
    };
}
