# It counts failures across rounds
# refused loop-carries-state
{ pkgs, ... }:
{
  systemd.services.router-monitor = {
    description = "The router answers";
    wantedBy = [ "multi-user.target" ];
    script = ''
      failures=0
      while true; do
        if ${pkgs.iputils}/bin/ping -c 1 192.0.2.1 > /dev/null; then
          failures=0
        else
          failures=$((failures + 1))
        fi
        if [ "$failures" -ge 3 ]; then
          echo "the router has been away for $failures rounds"
        fi
        sleep 30
      done
    '';
  };
}
