# Values that are inherited, a container that is inherited whole, and a recursive set
{ ... }:
let
  image = "docker.io/library/redis:7.4.1";
  shared = {
    volumes = [ "/srv/redis:/data" ];
    cmd = [ "redis-server" "--appendonly" "yes" ];
  };
  memcached = rec {
    image = "docker.io/library/memcached:${version}";
    version' = "1.6.33";
    version = version';
  };
  keydb = {
    image = "docker.io/eqalpha/keydb:x86_64_v6.3.4";
    hostname = "keydb";
  };
in
{
  virtualisation.oci-containers.containers = {
    redis = {
      inherit image;
      inherit (shared) volumes cmd;
    };
    memcached = { inherit (memcached) image; };
    inherit keydb;
  };
}
