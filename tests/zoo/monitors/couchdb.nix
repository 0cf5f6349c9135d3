# A loop over a program in its path, every 45 seconds: no calendar has that
{ pkgs, ... }:
{
  systemd.services.couchdb-health = {
    description = "CouchDB answers";
    after = [ "couchdb.service" "network.target" ];
    requires = [ "couchdb.service" ];
    wantedBy = [ "multi-user.target" ];
    path = [ pkgs.curl ];
    environment.COUCH_URL = "http://127.0.0.1:5984";
    serviceConfig = {
      DynamicUser = true;
      Restart = "on-failure";
    };
    script = ''
      set -u
      while true; do
        if ! curl -fsS "$COUCH_URL/_up" > /dev/null; then
          echo "CouchDB does not answer" >&2
        fi
        sleep 45
      done
    '';
  };
}
