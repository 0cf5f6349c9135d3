# A child in the background: a oneshot would kill it
# refused loop-starts-background-job
{ pkgs, ... }:
{
  systemd.services.speed-monitor = {
    description = "How fast is the line";
    wantedBy = [ "multi-user.target" ];
    script = ''
      while true; do
        ${pkgs.curl}/bin/curl -o /dev/null -s -w '%{speed_download}\n' https://example.org/10MB &
        sleep 600
      done
    '';
  };
}
