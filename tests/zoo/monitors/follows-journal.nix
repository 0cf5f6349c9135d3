# Lines of the journal drive it, not time
# refused loop-driven-by-events
{ pkgs, ... }:
{
  systemd.services.ssh-monitor = {
    description = "Failed logins";
    wantedBy = [ "multi-user.target" ];
    script = ''
      ${pkgs.systemd}/bin/journalctl -f -u sshd -n 0 | while read -r line; do
        case "$line" in
          *"Failed password"*) echo "somebody tries: $line" ;;
        esac
        sleep 1
      done
    '';
  };
}
