# A loop that goes over a list, with a `continue` that belongs to the inner loop
{ lib, pkgs, ... }:
let
  names = [ "radarr" "sonarr" ];
in
{
  systemd.services.containers-alive = {
    description = "Containers answer";
    after = map (name: "podman-${name}.service") names;
    wantedBy = [ "multi-user.target" ];
    serviceConfig = { Restart = "always"; User = "root"; };
    script = ''
      while :; do
        for name in ${lib.concatMapStringsSep " " (name: name) names}; do
          if ${pkgs.podman}/bin/podman healthcheck run "$name"; then
            continue
          fi
          echo "$name is not well"
        done
        sleep 5m
      done
    '';
  };
}
