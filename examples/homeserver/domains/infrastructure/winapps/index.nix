# WinApps: a Windows guest whose applications show up on the desktop through RDP
{ config, lib, pkgs, ... }:
let
  cfg = config.hwc.infrastructure.winapps;
in
{
  options.hwc.infrastructure.winapps = {
    enable = lib.mkEnableOption "WinApps with a Windows guest";

    vmName = lib.mkOption {
      type = lib.types.str;
      default = "RDPWindows";
      description = "Name of the libvirt domain";
    };
  };

  config = lib.mkIf cfg.enable {
    virtualisation.libvirtd.enable = true;

    systemd.services.winapps-vm-autostart = {
      description = "Start the WinApps Windows guest";
      after = [ "libvirtd.service" ];
      requires = [ "libvirtd.service" ];
      wantedBy = [ "multi-user.target" ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
      };
      # Root: talks to the system's libvirtd and starts a guest
      script = ''
        if [ "$(${pkgs.libvirt}/bin/virsh domstate "${cfg.vmName}")" != "running" ]; then
          ${pkgs.libvirt}/bin/virsh start "${cfg.vmName}"
        fi
      '';
    };

    systemd.services.winapps-monitor = {
      description = "Monitor WinApps Windows VM health";
      serviceConfig = {
        Type = "simple";
        User = "root";
        Restart = "always";
        RestartSec = "30";
      };
      script = ''
        while true; do
          # Check VM state
          VM_STATE=$(${pkgs.libvirt}/bin/virsh domstate "${cfg.vmName}" 2>/dev/null || echo "error")

          if [[ "$VM_STATE" != "running" ]]; then
            echo "VM ${cfg.vmName} is not running (state: $VM_STATE)"
            exit 1
          fi

          # Check RDP connectivity
          if ! ${pkgs.netcat}/bin/nc -zv localhost 3389 -w 5 2>/dev/null; then
            echo "RDP port 3389 is not accessible"
            exit 1
          fi

          echo "VM health check passed"

          sleep 60
        done
      '';
      after = [ "libvirtd.service" "winapps-vm-autostart.service" ];
      wantedBy = [ "multi-user.target" ];
    };
  };
}
