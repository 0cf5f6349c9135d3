# `while sleep`: it waits first; the interval is an option
# with { }
# with { zoo.uplink.every = 20; }
{ config, lib, pkgs, ... }:
{
  options.zoo.uplink.every = lib.mkOption {
    type = lib.types.int;
    default = 300;
  };

  config.systemd.services.uplink-check = {
    description = "Is there a way out";
    wantedBy = [ "multi-user.target" ];
    serviceConfig.ExecStart = pkgs.writeShellScript "uplink-check" ''
      while sleep ${toString config.zoo.uplink.every}; do
        ${pkgs.iputils}/bin/ping -c 1 -W 5 9.9.9.9 > /dev/null || echo "no way out"
      done
    '';
  };
}
