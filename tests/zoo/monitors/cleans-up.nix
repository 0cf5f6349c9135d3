# A trap that would run on every tick
# refused loop-cleans-up
{ pkgs, ... }:
{
  systemd.services.mount-monitor = {
    description = "The share is mounted";
    wantedBy = [ "multi-user.target" ];
    script = ''
      trap 'echo "nobody watches the share any more"' EXIT
      while true; do
        ${pkgs.util-linux}/bin/findmnt /mnt/share > /dev/null || echo "the share is gone"
        sleep 60
      done
    '';
  };
}
