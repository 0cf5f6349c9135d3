# A loop as root that asks libvirt: the sleep comes last
# with { zoo.vm.name = "win11"; }
# with { zoo.vm = { name = "w"; watch = false; }; }
{ config, lib, pkgs, ... }:
let
  cfg = config.zoo.vm;
in
{
  options.zoo.vm = {
    name = lib.mkOption { type = lib.types.str; };
    watch = lib.mkOption { type = lib.types.bool; default = true; };
  };

  config.systemd.services.windows-monitor = lib.mkIf cfg.watch {
    description = "Watch the Windows guest";
    after = [ "libvirtd.service" ];
    wantedBy = [ "multi-user.target" ];
    serviceConfig = {
      Type = "simple";
      User = "root";
      Restart = "always";
      RestartSec = "30";
    };
    script = ''
      while true; do
        state=$(${pkgs.libvirt}/bin/virsh domstate "${cfg.name}" 2>/dev/null || echo "error")
        if [ "$state" != "running" ]; then
          echo "${cfg.name} is not running (state: $state)"
        fi
        sleep 60
      done
    '';
  };
}
