# Checks that functions make: a module for each, and a set for each
{ lib, pkgs, ... }:
let
  site =
    { name, port, every ? "15min" }:
    {
      systemd.services."${name}-health" = {
        description = "Whether ${name} answers";
        after = [ "network-online.target" ];
        path = [ pkgs.curl ];
        serviceConfig = {
          Type = "oneshot";
          User = "zoo";
        };
        script = ''
          set -euo pipefail
          curl -fsS http://localhost:${toString port} > /dev/null
        '';
      };
      systemd.timers."${name}-health" = {
        wantedBy = [ "timers.target" ];
        timerConfig = {
          OnBootSec = "5min";
          OnUnitActiveSec = every;
        };
      };
    };
  round = host: pause: {
    description = "Whether ${host} is there";
    wantedBy = [ "multi-user.target" ];
    script = ''
      while true; do
        ping -c1 ${host} > /dev/null || echo "${host} is away"
        sleep ${toString pause}
      done
    '';
  };
in
{
  imports = [
    (site { name = "wiki"; port = 8080; })
    (site { name = "blog"; port = 8081; every = "1h"; })
  ];

  systemd.services.near-check = round "gate" 300;
  systemd.services.far-check = round "moon" 45;
}
