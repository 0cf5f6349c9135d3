# Its end is the signal: somebody watches the state of the unit
# refused exit-is-the-signal
{ pkgs, ... }:
{
  systemd.services.quorum-monitor = {
    description = "Two of three are there";
    wantedBy = [ "multi-user.target" ];
    onFailure = [ "page-somebody.service" ];
    script = ''
      while true; do
        if ! ${pkgs.curl}/bin/curl -fsS http://127.0.0.1:2379/health; then
          exit 1
        fi
        sleep 15
      done
    '';
  };
}
